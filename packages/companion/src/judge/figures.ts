import { number } from './numbers.ts'
import type { Check, Expected } from './statistics.ts'

/** A share as a percentage: 0.0625 as `6.25 %`. */
export const percent = (share: number) => `${trimmed(100 * share)} %`

/** An expectation as text: `all`, `none`, or a share. */
export function expectedText (expected: Expected): string {
  if (expected.kind === 'exactly') return expected.share === 1 ? 'all' : 'none'
  return `${expected.kind === 'between' ? 'about ' : ''}${percent(expected.share)}`
}

/** A judged check as text: what was expected and what was observed. */
export function checkText ({ name, expected, observed, n, low, high }: Check): string {
  if (n === 0) return `${name}: there were none`
  if (low === high) {
    const count = number(Math.round(observed * n))
    return `${name}: expected ${expected === 1 ? 'all' : 'none'}, observed ${count} of ${number(n)}`
  }
  const allowed = `${trimmed(100 * low)} to ${percent(high)}`
  return `${name}: expected ${percent(expected)}, observed ${percent(observed)} of ${number(n)} (allowed: ${allowed})`
}

function trimmed (value: number): string {
  return String(Math.round(value * 100) / 100)
}

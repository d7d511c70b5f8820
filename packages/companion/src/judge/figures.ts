import type { Check, Expected } from './statistics.ts'

/** 0.0625 as 6.25 %. */
export const percent = (share: number) => `${trimmed(100 * share)} %`

export const number = (n: number) => n.toLocaleString('en')

/** The value that p of a hundred do not exceed; 0 where there are none. */
export function percentile (values: number[], p: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * p / 100) - 1] ?? 0
}

/** What is expected, in words: all, none, or a share. */
export function expectedText (expected: Expected): string {
  if (expected.kind === 'exactly') return expected.share === 1 ? 'all' : 'none'
  return `${expected.kind === 'between' ? 'about ' : ''}${percent(expected.share)}`
}

/** What was observed, beside what was expected. */
export function checkText ({ name, expected, observed, n, low, high }: Check): string {
  if (n === 0) return `${name}: there were none`
  if (low === high) return `${name}: expected ${expected === 1 ? 'all' : 'none'}, observed ${number(Math.round(observed * n))} of ${number(n)}`
  return `${name}: expected ${percent(expected)}, observed ${percent(observed)} of ${number(n)} (allowed: ${trimmed(100 * low)} to ${percent(high)})`
}

function trimmed (value: number): string {
  return String(Math.round(value * 100) / 100)
}

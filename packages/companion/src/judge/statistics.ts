import type { Measured } from './soundness.ts'

/** The share of the observations in which something is expected. */
export type Expected =
  /** of each one, or of none: one that is otherwise is one too many */
  | { kind: 'exactly', share: 0 | 1 }
  /** as often as independent draws with this probability have it; told apart from the shares in `tellFrom` */
  | { kind: 'about', share: number, tellFrom: number[] }
  /** anywhere between: for what is no coin, as Istio's choice by least request */
  | { kind: 'between', share: number, low: number, high: number }

export const all: Expected = { kind: 'exactly', share: 1 }
export const none: Expected = { kind: 'exactly', share: 0 }
export const about = (share: number, { tellFrom }: { tellFrom: number[] }): Expected => ({ kind: 'about', share, tellFrom })
export const around = (share: number, { low, high }: { low: number, high: number }): Expected => ({ kind: 'between', share, low, high })

/** What was observed: how many of how many. */
export interface Count {
  count: number
  of: number
}

/** A judged expectation. Except `id`, `name` and `n`, all are shares from 0 to 1; `ok` is whether `observed` is within `low` and `high`. */
export interface Check {
  /** unique in its exercise */
  id: string
  name: string
  expected: number
  observed: number
  /** how many observations there were */
  n: number
  low: number
  high: number
  ok: boolean
  /** how well the judged load was measured; undefined if there was no load */
  measured?: Measured
}

/** The probability that a run of all exercises, in a mesh that does what it is to, reports anything as wrong by bad luck. */
export const FALSE_ALARM = 1e-4

/** The probability with which an `about` notices that it was one of the shares that it is to be told from. */
export const POWER = 0.99

/** For what is expected always or never: something that is otherwise one time in twenty is noticed with a probability of 0.994. */
const PLAIN_SAMPLE = 100

/** For a band: even independent draws would leave 30 to 70 % but once in 10^15 samples of this size. */
const BAND_SAMPLE = 400

/**
 * How many observations an expectation needs.
 *
 * @param falseAlarm the probability of a false alarm that this one check may have
 */
export function sampleFor (expected: Expected, falseAlarm: number): number {
  if (expected.kind === 'exactly') return PLAIN_SAMPLE
  if (expected.kind === 'between') return BAND_SAMPLE
  const { share, tellFrom } = expected
  const enough = (n: number) => {
    const { low, high } = acceptance(n, share, falseAlarm)
    return tellFrom.every(other => probability(n, other, low, high) <= 1 - POWER)
  }
  let n = 50
  while (!enough(n)) n += 10
  return n
}

/** Judges a count. Nothing observed is never as expected. */
export function judge ({ id, name, expected }: Pick<Check, 'id' | 'name'> & { expected: Expected }, { count, of }: Count, falseAlarm: number): Check {
  const { low, high } = bounds(expected, of, falseAlarm)
  const observed = of === 0 ? 0 : count / of
  return { id, name, expected: expected.share, observed, n: of, low, high, ok: of > 0 && observed >= low && observed <= high }
}

/** The shares of n observations that are as expected. */
export function bounds (expected: Expected, n: number, falseAlarm: number): { low: number, high: number } {
  if (expected.kind === 'exactly') return { low: expected.share, high: expected.share }
  if (expected.kind === 'between') return { low: expected.low, high: expected.high }
  const { low, high } = acceptance(n, expected.share, falseAlarm)
  return { low: low / Math.max(n, 1), high: high / Math.max(n, 1) }
}

/**
 * The counts that n draws of probability p are allowed, exactly: outside of them on either side the binomial distribution has at
 * most half of `falseAlarm`.
 */
export function acceptance (n: number, p: number, falseAlarm: number): { low: number, high: number } {
  let low = 0
  for (let below = mass(n, p, 0); below <= falseAlarm / 2 && low < n; below += mass(n, p, low)) low++
  let high = n
  for (let above = mass(n, p, n); above <= falseAlarm / 2 && high > 0; above += mass(n, p, high)) high--
  return { low, high }
}

/** The probability of from `low` to `high` hits, both included, among n draws. */
export function probability (n: number, p: number, low: number, high: number): number {
  let sum = 0
  for (let k = low; k <= high; k++) sum += mass(n, p, k)
  return sum
}

/** The probability of exactly k hits. */
function mass (n: number, p: number, k: number): number {
  return Math.exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

const logFactorials = [0]

function logFactorial (n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials[i] = (logFactorials[i - 1] as number) + Math.log(i)
  return logFactorials[n] as number
}

import type { Measurement } from './soundness.ts'

/** The share of the observations that should have a property. */
export type Expected =
  /** all or none of them: one exception is one too many */
  | { kind: 'exactly', share: 0 | 1 }
  /**
   * a binomial share: each observation has the property with this probability, independently of the others. `tellFrom`
   * are the shares of a wrong mesh: the sample is large enough to tell them from the expected one.
   */
  | { kind: 'about', share: number, tellFrom: number[] }
  /** any share from `low` to `high`: for choices that are not independent, such as Istio's least-request balancing */
  | { kind: 'between', share: number, low: number, high: number }

/** Expects every observation to have the property. */
export const all: Expected = { kind: 'exactly', share: 1 }

/** Expects no observation to have the property. */
export const none: Expected = { kind: 'exactly', share: 0 }

/** Expects a binomial share, with a sample that tells it from each of the shares in `tellFrom`. */
export const about = (share: number, { tellFrom }: { tellFrom: number[] }): Expected =>
  ({ kind: 'about', share, tellFrom })

/** Expects a share from `low` to `high`. Reports name `share` as the expected one. */
export const around = (share: number, { low, high }: { low: number, high: number }): Expected =>
  ({ kind: 'between', share, low, high })

/** How many observations had a property, and how many there were. */
export interface Count {
  count: number
  of: number
}

/** A judged expectation. `expected`, `observed`, `low` and `high` are shares from 0 to 1. */
export interface Check {
  /** unique in its exercise */
  id: string
  name: string
  expected: number
  observed: number
  /** the number of observations */
  n: number
  low: number
  high: number
  /** whether there were observations, and `observed` is from `low` to `high` */
  ok: boolean
  /** how well the judged load was measured; undefined if there was no load */
  measured?: Measurement
}

/** The probability that a run of all exercises on a correct mesh has a false alarm: a check that fails by chance. */
export const FALSE_ALARM = 1e-4

/** The power of an `about` check: the probability that it fails if the true share is one of those in `tellFrom`. */
export const POWER = 0.99

/** The sample size for all or none. A check fails with probability 0.994 if one in twenty is an exception. */
const EXACT_SAMPLE = 100

/** The sample size for a band. Independent draws with probability 0.5 leave 30 to 70 % once in 10^15 such samples. */
const BAND_SAMPLE = 400

/**
 * The sample size: how many observations an expectation needs. For a binomial share, it is the smallest multiple of ten
 * from 50 on with which the check has the power POWER against every share in `tellFrom`.
 *
 * @param falseAlarm the probability that this one check fails on a correct mesh
 */
export function sampleSize (expected: Expected, falseAlarm: number): number {
  if (expected.kind === 'exactly') return EXACT_SAMPLE
  if (expected.kind === 'between') return BAND_SAMPLE
  const { share, tellFrom } = expected
  const hasPower = (n: number) => {
    const { low, high } = acceptanceRegion(n, share, falseAlarm)
    return tellFrom.every(wrong => binomialProbability(n, wrong, low, high) <= 1 - POWER)
  }
  let n = 50
  while (!hasPower(n)) n += 10
  return n
}

/** Judges a count. Without any observation, every check fails. */
export function judge (
  { id, name, expected }: Pick<Check, 'id' | 'name'> & { expected: Expected }, { count, of }: Count, falseAlarm: number
): Check {
  const { low, high } = bounds(expected, of, falseAlarm)
  const observed = of === 0 ? 0 : count / of
  const ok = of > 0 && observed >= low && observed <= high
  return { id, name, expected: expected.share, observed, n: of, low, high, ok }
}

/** The smallest and the largest share of n observations with which a check passes. */
export function bounds (expected: Expected, n: number, falseAlarm: number): { low: number, high: number } {
  if (expected.kind === 'exactly') return { low: expected.share, high: expected.share }
  if (expected.kind === 'between') return { low: expected.low, high: expected.high }
  const { low, high } = acceptanceRegion(n, expected.share, falseAlarm)
  return { low: low / Math.max(n, 1), high: high / Math.max(n, 1) }
}

/**
 * The acceptance region of the exact two-sided binomial test with equal tails: the counts that are accepted among n
 * draws with probability p. The counts below `low`, and those above `high`, have a probability of at most
 * `falseAlarm / 2` each. A count is in this region if and only if its Clopper-Pearson confidence interval with
 * confidence `1 - falseAlarm` contains p.
 */
export function acceptanceRegion (n: number, p: number, falseAlarm: number): { low: number, high: number } {
  const tail = falseAlarm / 2
  let low = 0
  for (let upToLow = binomialMass(n, p, 0); upToLow <= tail && low < n; upToLow += binomialMass(n, p, low)) low++
  let high = n
  for (let fromHigh = binomialMass(n, p, n); fromHigh <= tail && high > 0; fromHigh += binomialMass(n, p, high)) high--
  return { low, high }
}

/** The probability of `low` to `high` hits, both included, among n draws with probability p. */
export function binomialProbability (n: number, p: number, low: number, high: number): number {
  let sum = 0
  for (let k = low; k <= high; k++) sum += binomialMass(n, p, k)
  return sum
}

/**
 * The binomial probability mass function: the probability of exactly k hits among n draws with probability p. The
 * formula n! / (k! (n - k)!) p^k (1 - p)^(n - k) uses logarithms, because the factorials exceed every number.
 */
function binomialMass (n: number, p: number, k: number): number {
  const logCombinations = logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  return Math.exp(logCombinations + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

const logFactorials = [0]

/** The natural logarithm of n!. The values are computed once. */
function logFactorial (n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials[i] = (logFactorials[i - 1] as number) + Math.log(i)
  return logFactorials[n] as number
}

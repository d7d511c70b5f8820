import { acceptanceRegion, binomialProbability, type Region } from './binomial.ts'
import { earlyRegions, isWithin } from './sequential.ts'
import type { Measurement } from './soundness.ts'

/** The share of the observations that should have a property. */
export type Expected =
  /** all or none of them: one exception is one too many */
  | { kind: 'exactly', share: 0 | 1 }
  | Binomial
  /** any share from `low` to `high`: for choices that are not independent, such as Istio's least-request balancing */
  | { kind: 'between', share: number, low: number, high: number }

/**
 * A binomial share: each observation has the property with this probability, independently of the others. `tellFrom`
 * are the shares of a wrong mesh: the sample is large enough to tell them from the expected one.
 */
interface Binomial {
  kind: 'about'
  share: number
  tellFrom: number[]
}

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

/**
 * The part of its error probabilities that an `about` check uses for early decisions. The decision about the complete
 * sample has the same part, so both together keep what FALSE_ALARM and POWER promise.
 */
const HALF = 1 / 2

/** The sample size for all or none. A check fails with probability 0.994 if one in twenty is an exception. */
const EXACT_SAMPLE = 100

/** The sample size for a band. Independent draws with probability 0.5 leave 30 to 70 % once in 10^8 such samples. */
const BAND_SAMPLE = 200

const sizes = new Map<string, number>()

/**
 * The sample size: how many observations an expectation needs at most. For a binomial share, it is the smallest
 * multiple of ten from 50 on with which the complete sample tells the share from every one in `tellFrom`.
 *
 * @param falseAlarm the probability that this one check fails on a correct mesh
 */
export function sampleSize (expected: Expected, falseAlarm: number): number {
  if (expected.kind === 'exactly') return EXACT_SAMPLE
  if (expected.kind === 'between') return BAND_SAMPLE
  const key = [expected.share, ...expected.tellFrom, falseAlarm].join()
  const size = sizes.get(key) ?? binomialSample(expected, falseAlarm)
  sizes.set(key, size)
  return size
}

function binomialSample ({ share, tellFrom }: Binomial, falseAlarm: number): number {
  const hasPower = (n: number) => {
    const { low, high } = acceptanceRegion(n, share, HALF * falseAlarm)
    return tellFrom.every(wrong => binomialProbability(n, wrong, low, high) <= HALF * (1 - POWER))
  }
  let n = 50
  while (!hasPower(n)) n += 10
  return n
}

/** Whether the observations so far suffice for a verdict. The first count that suffices is the one to judge. */
export function isDecided (expected: Expected, counted: Count, falseAlarm: number): boolean {
  if (counted.of >= sampleSize(expected, falseAlarm)) return true
  return expected.kind === 'about' && earlyRegion(expected, counted, falseAlarm) !== undefined
}

/** Judges a count. Without any observation, every check fails. */
export function judge (
  { id, name, expected }: Pick<Check, 'id' | 'name'> & { expected: Expected }, counted: Count, falseAlarm: number
): Check {
  const { count, of } = counted
  const { low, high } = bounds(expected, counted, falseAlarm)
  const observed = of === 0 ? 0 : count / of
  const ok = of > 0 && observed >= low && observed <= high
  return { id, name, expected: expected.share, observed, n: of, low, high, ok }
}

/** The smallest and the largest share with which a check passes: a count that is outside fails. */
export function bounds (expected: Expected, counted: Count, falseAlarm: number): { low: number, high: number } {
  if (expected.kind === 'exactly') return { low: expected.share, high: expected.share }
  if (expected.kind === 'between') return { low: expected.low, high: expected.high }
  const { of } = counted
  const early = of < sampleSize(expected, falseAlarm) ? earlyRegion(expected, counted, falseAlarm) : undefined
  const { low, high } = early ?? acceptanceRegion(of, expected.share, HALF * falseAlarm)
  return { low: low / Math.max(of, 1), high: high / Math.max(of, 1) }
}

/**
 * The region by which an incomplete sample is judged: the counts with which the expected share is possible. Undefined
 * if the sample does not suffice for a verdict, because a wrong share is possible too.
 */
function earlyRegion ({ share, tellFrom }: Binomial, { count, of }: Count, falseAlarm: number): Region | undefined {
  const errors = { falseAlarm: HALF * falseAlarm, miss: HALF * (1 - POWER) }
  const { accepted, possible } = earlyRegions(share, tellFrom, of, errors)
  return isWithin(count, accepted) || !isWithin(count, possible) ? possible : undefined
}

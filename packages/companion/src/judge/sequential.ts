import type { Region } from './binomial.ts'

/** The probabilities of the two errors of a test. */
interface Errors {
  /** of rejecting the expected share */
  falseAlarm: number
  /** of accepting a wrong share */
  miss: number
}

/** Which counts suffice for a decision. Counts in `possible`, but not in `accepted`, need more observations. */
interface Regions {
  /** with these counts, every wrong share is implausible */
  accepted: Region
  /** with other counts, the expected share is implausible beside a wrong one */
  possible: Region
}

/** Whether a count is in a region. */
export const isWithin = (count: number, { low, high }: Region) => count >= low && count <= high

/**
 * Decides early about a binomial share, by Wald's sequential probability ratio test (The Annals of Mathematical
 * Statistics 16, 1945) against each wrong share. While no ratio of likelihoods is extreme, the sample grows.
 *
 * If the hypothesis in the denominator of a ratio is true, the ratio ever exceeds 1 / a with a probability of at most
 * a. So the errors keep their probabilities however often one looks at the sample.
 *
 * @param share the expected share
 * @param wrong the shares to tell from it. If all are on one side, a share as far away on the other side is added
 * @param n the number of observations so far
 */
export function earlyRegions (share: number, wrong: number[], n: number, { falseAlarm, miss }: Errors): Regions {
  const accepted = { low: 0, high: n }
  const possible = { low: 0, high: n }
  const others = onBothSides(share, wrong)
  const [acceptance, rejection] = [Math.log(miss), -Math.log(falseAlarm / others.length)]
  for (const other of others) {
    // The log-likelihood ratio of `other` to `share` is count * slope + n * perObservation.
    const slope = logOdds(other) - logOdds(share)
    const perObservation = Math.log1p(-other) - Math.log1p(-share)
    const countAt = (ratio: number) => (ratio - n * perObservation) / slope
    if (slope > 0) {
      accepted.high = Math.min(accepted.high, Math.floor(countAt(acceptance)))
      possible.high = Math.min(possible.high, Math.ceil(countAt(rejection)) - 1)
    } else {
      accepted.low = Math.max(accepted.low, Math.ceil(countAt(acceptance)))
      possible.low = Math.max(possible.low, Math.floor(countAt(rejection)) + 1)
    }
  }
  return { accepted, possible }
}

/** The wrong shares. If all of them are on one side of the expected share, also the mirror image of the nearest. */
function onBothSides (share: number, wrong: number[]): number[] {
  const nearest = wrong.toSorted((a, b) => Math.abs(a - share) - Math.abs(b - share))[0]
  if (nearest === undefined || new Set(wrong.map(other => other > share)).size > 1) return wrong
  return [...wrong, 1 / (1 + Math.exp(logOdds(nearest) - 2 * logOdds(share)))]
}

const logOdds = (share: number) => Math.log(share / (1 - share))

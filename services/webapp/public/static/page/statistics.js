// The figures of the last minute.
import { hasFailed, legendKeyOf } from './outcome.js'

/** @import { Outcome } from './outcome.js' */

const MINUTE_MS = 60_000

/**
 * Shares are 0 to 1, and NaN without any outcome.
 *
 * @typedef {object} Summary
 * @property {number} n
 * @property {{ version: string, n: number, share: number }[]} versions shares among the answers that name a version
 * @property {number} success share of all
 * @property {number} injected share of all that failed by an injected fault
 * @property {number} failed share of all that failed without an injected fault
 * @property {number} retried share of all that needed more than one attempt
 * @property {number} p50 milliseconds
 * @property {number} p95 milliseconds
 * @property {Record<string, number>} byKey how many outcomes each entry of the legend has
 */

/** The outcomes of the last minute. */
export class LastMinute {
  /** @type {{ at: number, outcome: Outcome }[]} */
  #seen = []

  /**
   * @param {Outcome} outcome
   * @param {number} at milliseconds of a monotonic clock
   */
  add (outcome, at) {
    this.#seen.push({ at, outcome })
  }

  /** @param {number} now */
  summary (now) {
    this.#forget(now)
    return summaryOf(this.#seen.map(({ outcome }) => outcome))
  }

  /**
   * The minute in equal pieces, the oldest first. The pieces begin at fixed times of the clock, so that a chart moves
   * by whole pieces.
   *
   * @param {number} now
   * @param {number} pieces
   * @returns {Summary[]}
   */
  series (now, pieces) {
    this.#forget(now)
    const length = MINUTE_MS / pieces
    const last = Math.floor(now / length)
    /** @type {Outcome[][]} */
    const found = Array.from({ length: pieces }, () => [])
    for (const { at, outcome } of this.#seen) {
      const age = last - Math.floor(at / length)
      found[pieces - 1 - age]?.push(outcome)
    }
    return found.map(summaryOf)
  }

  /** @param {number} now */
  #forget (now) {
    const first = this.#seen.findIndex(({ at }) => at > now - MINUTE_MS)
    this.#seen = first === -1 ? [] : this.#seen.slice(first)
  }
}

/**
 * @param {Outcome[]} outcomes
 * @returns {Summary}
 */
function summaryOf (outcomes) {
  const n = outcomes.length
  const versions = counts(outcomes.flatMap(({ version }) => version ?? []))
  const named = Object.values(versions).reduce((sum, count) => sum + count, 0)
  /** @param {(outcome: Outcome) => boolean} condition */
  const share = condition => outcomes.filter(condition).length / n
  const sorted = outcomes.map(({ ms }) => ms).sort((a, b) => a - b)
  return {
    n,
    versions: Object.entries(versions)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([version, count]) => ({ version, n: count, share: count / named })),
    success: share(outcome => !hasFailed(outcome)),
    injected: share(({ kind }) => kind === 'fault'),
    failed: share(outcome => hasFailed(outcome) && outcome.kind !== 'fault'),
    retried: share(({ attempt = 1 }) => attempt > 1),
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    byKey: counts(outcomes.map(legendKeyOf))
  }
}

/**
 * A quantile by nearest rank: the smallest value that is at least as large as this share of all values. NaN without
 * values.
 *
 * @param {number[]} sorted
 * @param {number} share
 */
export function quantile (sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

/**
 * How often each word occurs.
 *
 * @param {string[]} words
 * @returns {Record<string, number>}
 */
function counts (words) {
  /** @type {Record<string, number>} */
  const found = {}
  for (const word of words) found[word] = (found[word] ?? 0) + 1
  return found
}

// The figures of the calls to one service: the recent ones, and those of the last minute.
import { RECENT_MS } from '../shared/recent.js'
import { hasFailed } from './outcome.js'

/** @import { Kind, Outcome } from './outcome.js' */
/** @import { Sent } from './traffic.js' */

/** The time that the charts show, and after which the page forgets pods. */
export const MINUTE_MS = 60_000

/** Stands for the version of calls that no pod of the service answered, but perhaps a proxy. */
export const NO_POD = 'no pod'
/** Stands for the version of answers that name no version. */
export const UNNAMED = 'unnamed'

/**
 * The calls that reached one version, as far as their answers show.
 *
 * @typedef {object} VersionSummary
 * @property {string} version
 * @property {number} n
 * @property {number} share of all calls that reached the service
 * @property {number} failed how many of them failed
 * @property {number} p50 milliseconds
 */

/**
 * Shares are from 0 to 1, and NaN if there was no request.
 *
 * @typedef {object} Summary
 * @property {number} n
 * @property {number} perSecond requests per second
 * @property {number | undefined} triesPerSecond with the retries of the mesh; undefined if no proxy counts attempts
 * @property {number} fromWebapp how many answers came from the webapp, or through it
 * @property {number} calls how many requests made the webapp call the service
 * @property {VersionSummary[]} versions of these calls
 * @property {number} success share
 * @property {Partial<Record<Kind, number>>} shares of each kind of outcome
 * @property {number} p95 milliseconds
 * @property {number} gaveUp how many requests the page gave up on
 */

/**
 * The requests to one service in the last minute.
 *
 * A request counts at the time when it was sent. So a request that was sent before a change, and then hung, does not
 * distort the figures after the change. Requests in flight do not count, and neither do requests that were sent after
 * the oldest of them. Otherwise, a catalog whose pods hang would look healthy, because only quick answers would count.
 */
export class History {
  /** @type {Map<number, number>} when each request in flight was sent, by number; the oldest first */
  #inFlight = new Map()
  /** @type {{ at: number, outcome: Outcome }[]} */
  #seen = []
  #start
  #recent = summaryOf([], RECENT_MS)

  /** @param {number} now milliseconds of the page's clock */
  constructor (now) {
    this.#start = now
  }

  /** @param {Sent} sent */
  sent ({ number, at }) {
    this.#inFlight.set(number, at)
  }

  /**
   * @param {Sent} sent
   * @param {Outcome} outcome
   */
  answered ({ number, at }, outcome) {
    if (this.#inFlight.delete(number)) this.#seen.push({ at, outcome })
  }

  /**
   * The recent summary. While nothing newer is known, because the requests are still in flight, the last summary
   * stays.
   *
   * @param {number} now
   */
  recent (now) {
    const start = Math.max(this.#start, now - RECENT_MS)
    const end = this.#end(now)
    const outcomes = this.#seen.filter(({ at }) => at > start && at <= end)
    if (outcomes.length > 0 || this.#inFlight.size === 0) this.#recent = summaryOf(outcomes, end - start)
    return this.#recent
  }

  /** @param {number} now */
  minute (now) {
    this.#forget(now)
    const end = this.#end(now)
    return summaryOf(this.#seen.filter(({ at }) => at <= end), MINUTE_MS)
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
    const end = this.#end(now)
    /** @type {{ at: number, outcome: Outcome }[][]} */
    const found = Array.from({ length: pieces }, () => [])
    for (const seen of this.#seen) {
      const age = last - Math.floor(seen.at / length)
      if (seen.at <= end) found[pieces - 1 - age]?.push(seen)
    }
    return found.map(seen => summaryOf(seen, length))
  }

  /** @param {number} now */
  #end (now) {
    return this.#inFlight.values().next().value ?? now
  }

  /** @param {number} now */
  #forget (now) {
    this.#seen = this.#seen.filter(({ at }) => at > now - MINUTE_MS)
  }
}

/**
 * @param {{ outcome: Outcome }[]} seen
 * @param {number} ms the time in which they were sent
 * @returns {Summary}
 */
function summaryOf (seen, ms) {
  const outcomes = seen.map(({ outcome }) => outcome)
  const n = outcomes.length
  const seconds = Math.max(1000, ms) / 1000
  const calls = outcomes.filter(({ calledService }) => calledService)
  const areCounted = outcomes.some(({ attempt }) => attempt !== undefined)
  const tries = outcomes.reduce((sum, { attempt = 1 }) => sum + attempt, 0)
  return {
    n,
    perSecond: n / seconds,
    triesPerSecond: areCounted ? tries / seconds : undefined,
    fromWebapp: outcomes.filter(({ answeredBy }) => answeredBy === 'service' || answeredBy === 'webapp').length,
    calls: calls.length,
    versions: [...Map.groupBy(calls, versionOf)]
      .map(([version, its]) => ({
        version,
        n: its.length,
        share: its.length / calls.length,
        failed: its.filter(hasFailed).length,
        p50: quantile(latencies(its), 0.5)
      }))
      .sort((a, b) => byVersion(a.version, b.version)),
    success: 1 - outcomes.filter(hasFailed).length / n,
    shares: Object.fromEntries(
      [...Map.groupBy(outcomes, ({ kind }) => kind)].map(([kind, its]) => [kind, its.length / n])
    ),
    p95: quantile(latencies(outcomes), 0.95),
    gaveUp: outcomes.filter(({ gaveUp }) => gaveUp).length
  }
}

/** @param {Outcome} outcome */
function versionOf (outcome) {
  return outcome.version ?? (hasFailed(outcome) ? NO_POD : UNNAMED)
}

/**
 * Orders versions by name. Calls that no pod answered come last.
 *
 * @param {string} a
 * @param {string} b
 */
export function byVersion (a, b) {
  return Number(a === NO_POD) - Number(b === NO_POD) || a.localeCompare(b)
}

/**
 * The latencies, sorted. The time until a connection breaks, or until the page gives up, is not a latency.
 *
 * @param {Outcome[]} outcomes
 */
function latencies (outcomes) {
  return outcomes.filter(({ kind }) => kind !== 'dropped').map(({ ms }) => ms).sort((a, b) => a - b)
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

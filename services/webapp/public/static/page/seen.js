// Who was seen to call whom, and which pods have answered.
import { hasFailed } from './outcome.js'

/** @import { Outcome } from './outcome.js' */

/** @typedef {'catalog' | 'forum'} Service */

/** @typedef {{ name: string, value: string }} Header */

/**
 * @typedef {object} Edge
 * @property {string} from
 * @property {string} to
 * @property {number} perSecond
 * @property {number} failed share, 0 to 1
 */

/**
 * @typedef {object} Pod
 * @property {Service} service
 * @property {string} pod
 * @property {string} version
 * @property {Header | undefined} header with which it was met last: a route may lead there by that alone
 * @property {number} at when it was met last
 */

/** So long an edge is averaged. */
const EDGE_MS = 10_000
/** So long what was seen is remembered. */
const MEMORY_MS = 60_000

/** A name that may stand in a shell's line, as those of pods do. */
const NAME = /^\w[\w.-]*$/

/** What the page has seen of the store in the last minute. */
export class Sightings {
  /** @type {{ at: number, service: Service, outcome: Outcome }[]} */
  #seen = []
  /** @type {Map<string, Pod>} */
  #pods = new Map()

  /**
   * @param {Service} service the one that the request was for
   * @param {Outcome} outcome
   * @param {number} at milliseconds of a clock that never goes back
   * @param {Header} [header] that was sent
   */
  add (service, outcome, at, header) {
    this.#seen.push({ at, service, outcome })
    const { answeredBy, pod, version = '' } = outcome
    if (answeredBy === 'service' && pod !== undefined && NAME.test(pod)) this.#pods.set(keyOf({ service, pod }), { service, pod, version, header, at })
  }

  /**
   * The edges of the last minute with the traffic of the last ten seconds; 0 of what was seen before that.
   *
   * @param {number} now
   * @returns {Edge[]} from the page on, the catalog before the forum
   */
  edges (now) {
    this.#seen = this.#seen.filter(({ at }) => at > now - MEMORY_MS)
    /** @type {Map<string, { from: string, to: string, n: number, failed: number }>} */
    const edges = new Map()
    const first = this.#seen[0]?.at ?? now
    const seconds = Math.max(1000, Math.min(EDGE_MS, now - first)) / 1000
    /**
     * @param {string} from
     * @param {string} to
     * @param {boolean} isRecent
     * @param {boolean} failed
     */
    const count = (from, to, isRecent, failed) => {
      const edge = edges.get(`${from}→${to}`) ?? { from, to, n: 0, failed: 0 }
      if (isRecent) edge.n++
      if (isRecent && failed) edge.failed++
      edges.set(`${from}→${to}`, edge)
    }
    for (const { at, service, outcome } of this.#seen) {
      const isRecent = at > now - EDGE_MS
      count('page', 'webapp', isRecent, !outcome.asked)
      // A catalog that says nothing may have been any of them.
      if (outcome.asked) count('webapp', service === 'forum' ? 'forum' : `catalog ${outcome.version ?? '?'}`, isRecent, hasFailed(outcome))
    }
    return [...edges.values()]
      .map(({ from, to, n, failed }) => ({ from, to, perSecond: n / seconds, failed: n === 0 ? 0 : failed / n }))
      .sort((a, b) => Number(a.to === 'forum') - Number(b.to === 'forum') || Number(b.from === 'page') - Number(a.from === 'page') || Number(a.to.endsWith('?')) - Number(b.to.endsWith('?')) || a.to.localeCompare(b.to))
  }

  /**
   * A pod has shown its rules: it is there, also where no request gets an answer of it.
   *
   * @param {Pod} pod
   * @param {number} at
   */
  met (pod, at) {
    const found = this.#pods.get(keyOf(pod)) ?? pod
    this.#pods.set(keyOf(pod), { ...found, at: Math.max(found.at, at) })
  }

  /**
   * The pods that have answered in the last minute, and those that are kept whether or not they have.
   *
   * @param {number} now
   * @param {(pod: Pod) => boolean} [isKept]
   * @returns {Pod[]} the catalog's first, by version and name
   */
  pods (now, isKept = () => false) {
    for (const [key, pod] of this.#pods) if (pod.at <= now - MEMORY_MS && !isKept(pod)) this.#pods.delete(key)
    return [...this.#pods.values()].sort((a, b) => a.service.localeCompare(b.service) || a.version.localeCompare(b.version) || a.pod.localeCompare(b.pod))
  }
}

/** @param {Pick<Pod, 'service' | 'pod'>} pod */
export function keyOf ({ service, pod }) {
  return `${service}/${pod}`
}

// What the page has seen of the store: which service calls which, and which pods exist.
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
 * @property {Header | undefined} header of the last request that reached the pod: a route may require this header
 * @property {number} at when the pod last answered
 */

/** The traffic of an edge is an average over this time. */
const EDGE_MS = 10_000
/** The page forgets requests and pods after this time. */
const MEMORY_MS = 60_000

/** Names that are safe in a shell command, such as those of pods. */
const SAFE_NAME = /^\w[\w.-]*$/

/** What the page has seen of the store in the last minute. */
export class Sightings {
  /** @type {{ at: number, service: Service, outcome: Outcome }[]} */
  #seen = []
  /** @type {Map<string, Pod>} */
  #pods = new Map()

  /**
   * Records the outcome of a request, and the pod that answered it.
   *
   * @param {Service} service the service that the request was for
   * @param {Outcome} outcome
   * @param {number} at milliseconds of a monotonic clock
   * @param {Header} [header] the header of the request
   */
  add (service, outcome, at, header) {
    this.#seen.push({ at, service, outcome })
    const { answeredBy, pod, version = '' } = outcome
    if (answeredBy !== 'service' || pod === undefined || !SAFE_NAME.test(pod)) return
    this.#pods.set(keyOf({ service, pod }), { service, pod, version, header, at })
  }

  /**
   * The edges of the last minute with their traffic of the last ten seconds. An edge without recent traffic has 0.
   *
   * @param {number} now
   * @returns {Edge[]} from the page outward, the catalog before the forum
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
      count('page', 'webapp', isRecent, !outcome.calledService)
      // If the catalog does not answer, its version is unknown.
      const target = service === 'forum' ? 'forum' : `catalog ${outcome.version ?? '?'}`
      if (outcome.calledService) count('webapp', target, isRecent, hasFailed(outcome))
    }
    return [...edges.values()]
      .map(({ from, to, n, failed }) => ({ from, to, perSecond: n / seconds, failed: n === 0 ? 0 : failed / n }))
      .sort(byPlace)
  }

  /**
   * Records that a pod answered with its rules. Such a pod exists even if no request gets an answer from it.
   *
   * @param {Pod} pod
   * @param {number} at
   */
  markReached (pod, at) {
    const found = this.#pods.get(keyOf(pod)) ?? pod
    this.#pods.set(keyOf(pod), { ...found, at: Math.max(found.at, at) })
  }

  /**
   * The pods that answered in the last minute, and the pods for which `isKept` is true.
   *
   * @param {number} now
   * @param {(pod: Pod) => boolean} [isKept]
   * @returns {Pod[]} by service, version and name
   */
  pods (now, isKept = () => false) {
    for (const [key, pod] of this.#pods) if (pod.at <= now - MEMORY_MS && !isKept(pod)) this.#pods.delete(key)
    return [...this.#pods.values()].sort((a, b) =>
      a.service.localeCompare(b.service) || a.version.localeCompare(b.version) || a.pod.localeCompare(b.pod))
  }
}

/**
 * Orders edges: the forum last, the page first, a catalog of unknown version after the others.
 *
 * @param {Edge} a
 * @param {Edge} b
 */
function byPlace (a, b) {
  return Number(a.to === 'forum') - Number(b.to === 'forum') ||
    Number(b.from === 'page') - Number(a.from === 'page') ||
    Number(a.to.endsWith('?')) - Number(b.to.endsWith('?')) ||
    a.to.localeCompare(b.to)
}

/**
 * A key for maps of pods, such as `catalog/catalog-1`.
 *
 * @param {Pick<Pod, 'service' | 'pod'>} pod
 */
export function keyOf ({ service, pod }) {
  return `${service}/${pod}`
}

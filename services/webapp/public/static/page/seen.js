// What the page has seen of the store: which service calls which, and which pods exist.
import { byVersion, MINUTE_MS, NO_POD, UNNAMED } from './statistics.js'

/** @import { Outcome } from './outcome.js' */
/** @import { Summary, VersionSummary } from './statistics.js' */
/** @import { Header } from './traffic.js' */

/** @typedef {'catalog' | 'forum'} Service */

/**
 * @typedef {object} Edge
 * @property {string} from
 * @property {string} to
 * @property {number} perSecond
 * @property {number} failed share, 0 to 1
 * @property {boolean} [isSuspected] a rule may be the reason why this version does not answer
 */

/**
 * @typedef {object} Pod
 * @property {Service} service
 * @property {string} pod
 * @property {string} version
 * @property {Header | undefined} header of the last request that reached the pod: a route may require this header
 * @property {number} at when the pod last answered
 */

/** Names that are safe in a shell command, such as those of pods. */
const SAFE_NAME = /^\w[\w.-]*$/

/** The graph's name of a catalog whose version is unknown, because none of its pods answers. */
export const UNKNOWN_CATALOG = 'catalog ?'

/**
 * Whether requests were sent, and neither the webapp nor a service behind it answered any of them.
 *
 * @param {Summary} catalog
 * @param {Summary} forum
 */
export function isWebappSilent (catalog, forum) {
  return catalog.n + forum.n > 0 && catalog.fromWebapp + forum.fromWebapp === 0
}

/**
 * The edges of the service graph. A known service without recent traffic has 0 requests per second. While the webapp
 * does not answer, nothing is known about the services behind it.
 *
 * @param {Summary} catalog the recent requests
 * @param {Summary} forum the recent requests
 * @param {{ versions: string[], suspects: string[], hasForum: boolean }} known the versions of the last minute, the
 * versions of pods with a rule, and whether the forum was called in the last minute
 * @returns {Edge[]} from the page outward, the catalog before the forum
 */
export function edgesOf (catalog, forum, { versions, suspects, hasForum }) {
  const isSilent = isWebappSilent(catalog, forum)
  const n = catalog.n + forum.n
  const called = isSilent ? 0 : catalog.calls + forum.calls
  const calls = isSilent ? [] : catalog.versions
  const hasUnanswered = calls.some(({ version }) => version === NO_POD)
  const known = new Set([...calls.map(({ version }) => version), ...versions, ...suspects])
  if (!hasUnanswered) known.delete(NO_POD)

  /** @type {Edge[]} */
  const edges = [...known].sort(byVersion).map(version => {
    const its = edge(catalogName(version), catalog, calls.filter(summary => summary.version === version))
    return { ...its, isSuspected: its.perSecond === 0 && hasUnanswered && suspects.includes(version) }
  })
  if (hasForum) edges.push(edge('forum', forum, isSilent ? [] : forum.versions))
  if (n === 0 && edges.length === 0) return []
  const perSecond = catalog.perSecond + forum.perSecond
  return [{ from: 'page', to: 'webapp', perSecond, failed: n === 0 ? 0 : 1 - called / n }, ...edges]
}

/**
 * @param {string} to
 * @param {Summary} service
 * @param {VersionSummary[]} calls those of the service's calls that the edge shows
 * @returns {Edge}
 */
function edge (to, service, calls) {
  const n = calls.reduce((sum, { n }) => sum + n, 0)
  const failed = calls.reduce((sum, { failed }) => sum + failed, 0)
  if (n === 0) return { from: 'webapp', to, perSecond: 0, failed: 0 }
  return { from: 'webapp', to, perSecond: service.perSecond * n / service.n, failed: failed / n }
}

/** @param {string} version */
function catalogName (version) {
  if (version === NO_POD) return UNKNOWN_CATALOG
  return version === UNNAMED ? 'catalog' : `catalog ${version}`
}

/** The pods that the page has seen. */
export class Sightings {
  /** @type {Map<string, Pod>} */
  #pods = new Map()

  /**
   * Records the pod that answered a request.
   *
   * @param {Service} service the service that the request was for
   * @param {Outcome} outcome
   * @param {number} at milliseconds of the page's clock
   * @param {Header} [header] the header of the request
   */
  add (service, { answeredBy, pod, version = '' }, at, header) {
    if (answeredBy !== 'service' || pod === undefined || !SAFE_NAME.test(pod)) return
    this.#pods.set(keyOf({ service, pod }), { service, pod, version, header, at })
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
    for (const [key, pod] of this.#pods) if (pod.at <= now - MINUTE_MS && !isKept(pod)) this.#pods.delete(key)
    return [...this.#pods.values()].sort((a, b) =>
      a.service.localeCompare(b.service) || a.version.localeCompare(b.version) || a.pod.localeCompare(b.pod))
  }
}

/**
 * Whether the pod is one of the catalog.
 *
 * @param {Pod} pod
 */
export function isOfCatalog ({ service }) {
  return service === 'catalog'
}

/**
 * Pods in a few words: `v1` for all pods of a version of the catalog, `forum` for all pods of the forum. If a pod is
 * one of several, the end of its name follows, as in `v1 (…x2kqv)`.
 *
 * @param {Pod[]} pods
 * @param {Pod[]} all the pods that exist
 */
export function podsInWords (pods, all) {
  const groupOf = (/** @type {Pod} */ pod) => isOfCatalog(pod) && pod.version !== '' ? pod.version : pod.service
  return [...Map.groupBy(pods, groupOf)].map(([group, its]) => {
    const isWhole = all.every(pod => groupOf(pod) !== group || its.some(({ pod: name }) => name === pod.pod))
    return isWhole ? group : `${group} (${its.map(({ pod }) => `…${pod.split('-').at(-1)}`).join(', ')})`
  }).join(', ')
}

/**
 * A key for maps of pods, such as `catalog/catalog-1`.
 *
 * @param {Pick<Pod, 'service' | 'pod'>} pod
 */
export function keyOf ({ service, pod }) {
  return `${service}/${pod}`
}

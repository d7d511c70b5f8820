// The outcome of a request. It uses only the status, headers and text of the answer, which every client gets.

/** After this time, in milliseconds, the page aborts a request. */
export const TIMEOUT_MS = 5000

/**
 * - ok: a success
 * - slowed: a success that an injected fault delayed
 * - fault: an injected fault made the request fail
 * - error: the request failed without an injected fault
 * - timeout: the webapp or a proxy did not get an answer in time
 * - dropped: no answer arrived
 *
 * @typedef {'ok' | 'slowed' | 'fault' | 'error' | 'timeout' | 'dropped'} Kind
 */

/**
 * What the browser received.
 *
 * @typedef {object} Answer
 * @property {number} status 0 without an answer
 * @property {{ get: (name: string) => string | null }} headers
 * @property {string} body
 * @property {boolean} [timedOut] the page aborted the request
 */

/**
 * @typedef {object} Outcome
 * @property {Kind} kind
 * @property {number} status 0 without an answer
 * @property {boolean} calledService whether the webapp called the service, as far as the answer shows
 * @property {'service' | 'webapp' | 'proxy' | 'none'} answeredBy
 * @property {string | undefined} version the version of the service that answered
 * @property {string | undefined} pod the pod that answered
 * @property {string | undefined} fault the types of the injected faults, as in `latency,500`
 * @property {number | undefined} attempt from 1; undefined if no proxy counts attempts
 * @property {string | undefined} reason the webapp's reason for a failure: its header proxy-status
 * @property {boolean} gaveUp whether the page gave up on the request
 * @property {number} ms from sending the request to the end of the answer
 */

const NTH = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth']

/** @type {Record<Kind, string>} */
const WORDS = {
  ok: 'ok',
  slowed: 'ok, delayed by an injected fault',
  fault: 'injected fault',
  error: 'error',
  timeout: 'timeout',
  dropped: 'no answer'
}

/**
 * Derives the outcome of a request from its answer.
 *
 * @param {Answer} answer
 * @param {number} ms from sending the request to the end of the answer
 * @param {'Catalog' | 'Forum'} service the service that the webapp calls for this request
 * @returns {Outcome}
 */
export function outcomeOf ({ status, headers, body, timedOut = false }, ms, service) {
  const isOk = status >= 200 && status < 300
  const pod = headers.get('x-served-by') ?? undefined
  const fault = headers.get('x-chaos') ?? undefined
  const reason = headers.get('proxy-status') ?? undefined
  // This text of the book means that the webapp called the service and got no usable answer.
  const isServiceError = status === 500 && body === `error calling ${service} service`
  // If the page timed out, the webapp most likely still waits for the service, because its own timeout is longer.
  const calledService = isOk || timedOut || isServiceError
  const answeredBy = answererOf()
  return {
    kind: kindOf(),
    status,
    calledService,
    answeredBy,
    version: answeredBy === 'service' ? headers.get('x-served-version') ?? undefined : undefined,
    pod,
    fault,
    attempt: Number(headers.get('x-attempt')) || undefined,
    reason,
    gaveUp: timedOut,
    ms
  }

  /** @returns {Outcome['answeredBy']} */
  function answererOf () {
    if (status === 0) return 'none'
    if (pod === undefined) return calledService ? 'webapp' : 'proxy'
    return calledService ? 'service' : 'webapp'
  }

  /** @returns {Kind} */
  function kindOf () {
    if (isOk) return fault === undefined ? 'ok' : 'slowed'
    if (fault !== undefined && fault !== 'latency') return 'fault' // a delay does not make a request fail
    if (status === 504 || /error=\w+_timeout|received-status=504/.test(reason ?? '')) return 'timeout'
    // A broken connection reaches the webapp as no answer, or as a 503 if a proxy is in between.
    const isUnavailable = status === 503 || /error=destination_unavailable|received-status=503/.test(reason ?? '')
    if (status === 0 || (pod === undefined && isUnavailable)) return 'dropped'
    return 'error'
  }
}

/**
 * Whether the request failed, with or without an injected fault.
 *
 * @param {Outcome} outcome
 */
export function hasFailed ({ kind }) {
  return kind !== 'ok' && kind !== 'slowed'
}

/**
 * The CSS class of a version: v1 and v2 have a color and a shape each, all other versions share a third.
 *
 * @param {string} version
 */
export function styleOf (version) {
  return version === 'v1' || version === 'v2' ? version : 'v-other'
}

/**
 * The entry of the legend that an outcome belongs to.
 *
 * @param {Outcome} outcome
 */
export function legendKeyOf ({ kind, version = '' }) {
  return kind === 'ok' ? styleOf(version) : kind
}

/**
 * A number as an ordinal: `first`, `second`, and from the eleventh on `11th`.
 *
 * @param {number} attempt from 1
 */
export function nth (attempt) {
  return NTH[attempt - 1] ?? `${attempt}th`
}

/**
 * A duration with its unit, such as `12 ms` or `1.3 s`.
 *
 * @param {number} ms
 */
export function duration (ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/**
 * An outcome in words, the most important first.
 *
 * @param {Outcome} outcome
 * @returns {string[]}
 */
export function wordsFor (outcome) {
  const { status, version, fault, attempt, reason = '', ms } = outcome
  // The status that the webapp received comes first: the webapp itself answers 500 to all failures.
  const [, received = String(status)] = /received-status=(\d+)/.exec(reason) ?? []
  /** @type {(string | undefined)[]} */
  const words = [
    kindInWords(outcome),
    version,
    status === 0 ? undefined : received,
    duration(ms),
    answererInWords(outcome),
    attempt === undefined ? undefined : `${nth(attempt)} try`,
    fault && `injected: ${fault.replaceAll(',', ', ')}`,
    received === String(status) ? undefined : `the webapp answered ${status}`,
    /error=(\w+)/.exec(reason)?.[1]?.replaceAll('_', ' ')
  ]
  return words.flatMap(word => word || [])
}

/** @param {Outcome} outcome */
function kindInWords ({ kind, status, gaveUp, reason = '' }) {
  if (gaveUp) return `no answer within ${TIMEOUT_MS / 1000} s (the page's own limit)`
  // A 503 without a pod can be a broken connection, a service without healthy pods, or an open circuit breaker. The
  // answer does not show which.
  const isBrokenConnection = status === 0 || reason.includes('error=destination_unavailable')
  return kind === 'dropped' && !isBrokenConnection ? 'no pod answered (503)' : WORDS[kind]
}

/** @param {Outcome} outcome */
function answererInWords ({ answeredBy, pod }) {
  if (answeredBy === 'proxy') return 'answered by a proxy'
  if (pod === undefined) return undefined
  return answeredBy === 'webapp' ? `the webapp itself, pod ${pod}` : `pod ${pod}`
}

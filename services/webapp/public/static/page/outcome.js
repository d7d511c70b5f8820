// What became of a request: read from the answer's headers alone, the way any caller could.

/**
 * ok; ok, but slowed down by an injected fault; failed by an injected fault; failed by itself; too late; no answer at all.
 *
 * @typedef {'ok' | 'slowed' | 'fault' | 'error' | 'timeout' | 'dropped'} Kind
 */

/**
 * What came back.
 *
 * @typedef {object} Answer
 * @property {number} status 0 where nothing came
 * @property {{ get: (name: string) => string | null }} headers
 * @property {string} body
 * @property {boolean} [gaveUp] nothing came before the page lost its patience
 */

/**
 * @typedef {object} Outcome
 * @property {Kind} kind
 * @property {number} status 0 where nothing came
 * @property {boolean} asked whether the webapp has asked the service, as far as the answer tells
 * @property {'service' | 'webapp' | 'proxy' | 'nobody'} answeredBy whose the answer is
 * @property {string | undefined} version of the service that answered
 * @property {string | undefined} pod that answered
 * @property {string | undefined} fault the types of the injected faults, as in `latency,500`
 * @property {number | undefined} attempt from 1, where a proxy counts them
 * @property {string | undefined} reason what the webapp says of a service that gave no usable answer
 * @property {number} ms from sending to the end of the answer
 */

const NTH = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth']

/** @type {Record<Kind, string>} */
const WORDS = {
  ok: 'ok',
  slowed: 'ok, slowed down by an injected fault',
  fault: 'injected fault',
  error: 'error',
  timeout: 'timeout',
  dropped: 'dropped, no answer'
}

/**
 * @param {Answer} answer
 * @param {number} ms
 * @param {'Catalog' | 'Forum'} service the one for which the webapp stands
 * @returns {Outcome}
 */
export function outcomeOf ({ status, headers, body, gaveUp = false }, ms, service) {
  const isOk = status >= 200 && status < 300
  const pod = headers.get('x-served-by') ?? undefined
  const fault = headers.get('x-chaos') ?? undefined
  // The book's words: by them the webapp says that it has asked, and that nothing good came back.
  // Where the page gave up, the webapp most likely waits for the service still, since it has more patience.
  const asked = isOk || gaveUp || (status === 500 && body === `error calling ${service} service`)
  const answeredBy = status === 0 ? 'nobody' : pod === undefined ? (asked ? 'webapp' : 'proxy') : asked ? 'service' : 'webapp'
  const reason = headers.get('proxy-status') ?? undefined
  return {
    kind: kindOf(),
    status,
    asked,
    answeredBy,
    version: answeredBy === 'service' ? headers.get('x-served-version') ?? undefined : undefined,
    pod,
    fault,
    attempt: Number(headers.get('x-attempt')) || undefined,
    reason,
    ms
  }

  /** @returns {Kind} */
  function kindOf () {
    if (isOk) return fault === undefined ? 'ok' : 'slowed'
    if (fault !== undefined && fault !== 'latency') return 'fault' // a delay alone makes nobody fail who answers
    if (gaveUp || status === 504 || /error=\w+_timeout|received-status=504/.test(reason ?? '')) return 'timeout'
    // A connection that breaks is no answer to the webapp, and a 503 of the proxy where there is one.
    if (status === 0 || (pod === undefined && (status === 503 || /error=destination_unavailable|received-status=503/.test(reason ?? '')))) return 'dropped'
    return 'error'
  }
}

/** @param {Outcome} outcome */
export function hasFailed ({ kind }) {
  return kind !== 'ok' && kind !== 'slowed'
}

/**
 * The way in which a version is shown: two versions have a colour and a shape each, and all others share a third.
 *
 * @param {string} version
 */
export function styleOf (version) {
  return version === 'v1' || version === 'v2' ? version : 'v-other'
}

/**
 * The entry of the legend under which an outcome falls.
 *
 * @param {Outcome} outcome
 */
export function legendKeyOf ({ kind, version = '' }) {
  return kind === 'ok' ? styleOf(version) : kind
}

/** @param {number} attempt from 1 */
export function nth (attempt) {
  return NTH[attempt - 1] ?? `${attempt}th`
}

/** @param {number} ms */
export function duration (ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/**
 * An outcome in words, the most telling first.
 *
 * @param {Outcome} outcome
 * @returns {string[]}
 */
export function wordsFor ({ kind, status, version, pod, fault, attempt, reason, ms, answeredBy }) {
  // A 503 that no pod signed may be a connection that broke, no healthy pod or an open circuit: the answer does not tell.
  const isDrop = status === 0 || /error=destination_unavailable/.test(reason ?? '')
  const who = answeredBy === 'webapp' && pod !== undefined ? `the webapp itself, pod ${pod}` : answeredBy === 'proxy' ? 'answered by a proxy' : pod && `pod ${pod}`
  /** @type {(string | undefined)[]} */
  const words = [
    kind === 'dropped' && !isDrop ? 'no pod answered (503)' : WORDS[kind],
    version,
    status === 0 ? undefined : String(status),
    duration(ms),
    who,
    attempt === undefined ? undefined : `${nth(attempt)} try`,
    fault && `injected: ${fault.replaceAll(',', ', ')}`,
    reason && (/received-status=(\d+)/.test(reason) ? `the webapp got ${/received-status=(\d+)/.exec(reason)?.[1]}` : /error=(\w+)/.exec(reason)?.[1]?.replaceAll('_', ' '))
  ]
  return words.flatMap(word => word || [])
}

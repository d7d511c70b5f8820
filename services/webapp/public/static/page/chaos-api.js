// Calls the webapp's routes for faults: /api/chaos/<service>/<pod>.
import { TIMEOUT_MS } from './outcome.js'
import { headersOf } from './traffic.js'

/** @import { Rule } from './rule.js' */
/** @import { Pod } from './seen.js' */

/** Timeout of a change in milliseconds. It is longer than delays in the mesh, which may hit the change too. */
const CHANGE_TIMEOUT_MS = 30_000

/** The error code if many calls did not reach the pod. */
export const POD_NOT_MET = 'POD_NOT_MET'

/**
 * @typedef {Rule & {
 *   active: boolean,
 *   state: { draws: number, hits: number, ended?: string, left: { hits?: number, ms?: number } }
 * }} RuleView
 */

/**
 * @typedef {object} PodAnswer
 * @property {boolean} ok
 * @property {number} status 0 without an answer
 * @property {string} [code] the code of an error
 * @property {string} [by] the pod that answered
 * @property {string} message the message of an error
 * @property {Record<string, RuleView> | undefined} rules the pod's rules by name
 */

/**
 * Reads, sets or deletes the rules of a pod.
 *
 * @param {Pod} pod
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {unknown} [body]
 * @returns {Promise<PodAnswer>}
 */
export async function callPod ({ service, pod, header }, method, body) {
  try {
    const answer = await fetch(`api/chaos/${service}/${encodeURIComponent(pod)}`, {
      method,
      signal: AbortSignal.timeout(method === 'GET' ? TIMEOUT_MS : CHANGE_TIMEOUT_MS),
      headers: { ...headersOf(header), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const { ok, status } = answer
    if (status === 204) return { ok, status, message: '', rules: undefined }
    const content = await answer.json()
    const by = answer.headers.get('x-served-by') ?? undefined
    return { ok, status, code: content.code, by, message: String(content.message), rules: ok ? content : undefined }
  } catch {
    return { ok: false, status: 0, message: 'no answer', rules: undefined }
  }
}

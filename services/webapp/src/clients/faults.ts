import { RequestError, type Caller, type Identity } from '@outfitters/service-kit'
import { UpstreamError, type Upstream } from '@outfitters/service-kit/upstream'
import { isErrorAnswer } from './error-answer.ts'

/** The most calls for one pod. Of four pods, 40 calls miss the wanted one with a probability of 0.00001. */
const MAX_CALLS = 40
/** The most calls while no pod answers. If one of two pods has died, all of them miss the other in 1 of 256 cases. */
const MAX_LOST = 8

/** A request to a pod's `/blowup`. */
export interface FaultCall {
  method: 'GET' | 'POST' | 'DELETE'
  pod: string
  body?: unknown
}

/** The pod's answer: its rules, a line of text, or the reason of a refusal. */
export interface FaultAnswer {
  status: number
  body: string
  identity: Identity
}

/** The statuses with which a pod refuses a call: an invalid rule, no access, too many rules. */
const REFUSALS = [400, 403, 409]

/** Reads and sets faults in one pod of an upstream. The Service or the mesh picks the pod that a call reaches. */
export class FaultsClient {
  readonly #upstream: Upstream

  /** @param upstream the connections of the service that the pods belong to; the caller closes them */
  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /**
   * Calls until a call reaches the given pod. Other pods answer with a 421. A call that gets no answer from a pod, for
   * example because a pod has just died, is repeated too. If it reached the pod, and only the answer was lost, this is
   * harmless: the pod sets the same rule again, or deletes what no longer exists.
   *
   * @throws {RequestError} 404 POD_NOT_MET if other pods answered, but not the given one
   * @throws {UpstreamError} if no pod answered, or if a call fails in another way
   */
  async call ({ method, pod, body }: FaultCall, caller: Caller): Promise<FaultAnswer> {
    const { name } = this.#upstream
    const reached = new Set<string>()
    // The calls follow one another, so one listener on the caller's connection is enough for all of them.
    let stop = () => {}
    caller.onceDisconnected(() => stop())
    const headers = { ...caller.headers, 'x-chaos-pod': pod }
    const callerWithPod: Caller = { ...caller, headers, onceDisconnected: listener => { stop = listener } }
    const call = { method, path: '/blowup', reset: true, operational: true, ...(body !== undefined && { body }) }

    for (let calls = 0; calls < MAX_CALLS; calls++) {
      try {
        const answer = await this.#upstream.call(call, callerWithPod)
        const { status, identity } = answer
        const answeredBy = identity['x-served-by']
        if (status === 200) {
          if (method === 'GET') answer.json(isObject)
          return answer
        }
        if (REFUSALS.includes(status) && answeredBy !== undefined) {
          answer.json(isErrorAnswer)
          return answer
        }
        if (status !== 421 || answeredBy === undefined) {
          throw new UpstreamError('UPSTREAM_STATUS', `${name} answered ${status}`, { answer })
        }
        reached.add(answeredBy)
      } catch (error) {
        if (!(error instanceof UpstreamError) || !isLost(error)) throw error
        if (reached.size === 0 && calls + 1 >= MAX_LOST) throw error
      }
    }
    throw new RequestError(404, 'POD_NOT_MET', [
      `${MAX_CALLS} calls to ${name} did not reach pod ${pod}; they reached ${[...reached].join(', ')}.`,
      'The pod may no longer exist, or the route to it may need a header.'
    ].join(' '))
  }
}

/** Whether a call reached no pod: there was no connection, or it broke, or a proxy answered 503 for that reason. */
function isLost ({ code, answer }: UpstreamError): boolean {
  return code === 'UPSTREAM_UNREACHABLE' || (answer?.status === 503 && answer.identity['x-served-by'] === undefined)
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

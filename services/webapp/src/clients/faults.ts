import { RequestError, type Caller, type Identity } from '@outfitters/service-kit'
import { UpstreamError, type Upstream } from '@outfitters/service-kit/upstream'

/** So many calls meet one pod of four in all but one of a hundred thousand cases. */
const MAX_TRIES = 40

/** What is asked of a pod's `/blowup`. */
export interface FaultCall {
  method: 'GET' | 'POST' | 'DELETE'
  pod: string
  body?: unknown
}

/** What the pod said: its rules or a line of text, or why it refuses. */
export interface FaultAnswer {
  status: number
  body: string
  identity: Identity
}

/** What a pod refuses with: a rule that makes no sense, no access, too many rules. */
const REFUSALS = [400, 403, 409]

/** The faults of an upstream's pods, of which a call meets whichever its Service, or the mesh, picks. */
export class FaultsClient {
  readonly #upstream: Upstream

  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /**
   * Calls until the pod that is meant is met; the others pass it on by a 421.
   *
   * @throws {RequestError} 404 POD_NOT_MET
   * @throws {UpstreamError} when a call fails otherwise
   */
  async call ({ method, pod, body }: FaultCall, caller: Caller): Promise<FaultAnswer> {
    const met = new Set<string>()
    // One after the other, the calls need one listener at the caller's connection, and not forty.
    let stop = () => {}
    caller.onceDisconnected(() => stop())
    const named: Caller = { ...caller, headers: { ...caller.headers, 'x-chaos-pod': pod }, onceDisconnected: listener => { stop = listener } }
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#upstream.call({ method, path: '/blowup', reset: true, operational: true, ...(body !== undefined && { body }) }, named)
      const { status, identity } = answer
      const other = identity['x-served-by']
      if (status === 200 || (REFUSALS.includes(status) && other !== undefined)) return answer
      if (status !== 421 || other === undefined) throw new UpstreamError('UPSTREAM_STATUS', `${this.#upstream.name} answered ${status}`, { answer })
      met.add(other)
    }
    throw new RequestError(404, 'POD_NOT_MET', `${MAX_TRIES} calls to ${this.#upstream.name} did not meet pod ${pod}, but ${[...met].join(', ')}; it may be gone, or no route leads there without a certain header`)
  }
}

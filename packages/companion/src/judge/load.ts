import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { percentile } from './numbers.ts'

/** A request that was sent, and its outcome. */
export interface Call {
  /** the HTTP status; 0 if there was no answer */
  status: number
  /** the body of the answer; without an answer, the reason */
  body: string
  headers: Record<string, string | string[] | undefined>
  /** milliseconds from the request to the end of the answer */
  duration: number
  /** the version of the service that answered */
  version?: string | undefined
  /** the pod that answered */
  pod?: string | undefined
  /** the proxy's attempt that got the answer, from 1 */
  attempt?: number | undefined
  /** the type of the injected fault */
  fault?: string | undefined
}

/** The request to send, and where to send it. */
export interface Address {
  url: string
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string | undefined
  /** for HTTPS: the server name, and as PEM the CA that signed its certificate and the client's certificate and key */
  tls?: { servername: string, ca: string | undefined, cert: string | undefined, key: string | undefined }
}

/** The requests of a load: what to send, how fast, and how many. */
export interface LoadOptions extends Address {
  /** requests a second */
  rate: number
  /** the largest number of requests, or a signal whose abort ends the load with a result */
  until: number | AbortSignal
  /**
   * If this returns true, the load ends. It gets the calls in the order in which they were sent, up to the first that
   * has not ended. Otherwise quick answers would be overrepresented.
   */
  isEnough?: ((first: Call[]) => boolean) | undefined
  /** called as soon as a call has ended */
  onCall?: (call: Call) => void
  /** aborting it ends the load without a result */
  signal?: AbortSignal | undefined
  /** the clock that says when requests leave; by default that of this machine */
  clock?: Clock
}

/** The rate of a load that sets none, without a calibration, in requests a second. */
export const DEFAULT_RATE = 100

/** The rate of a load that is sent as fast as possible, in requests a second. It need not be kept. */
export const BURST_RATE = 2000

/** A clock, in milliseconds, and a way to wait. */
export interface Clock {
  now: () => number
  sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
}

/** How well a load kept to its schedule. Rates are in requests a second, times in milliseconds. */
export interface LoadTiming {
  /** the intended rate */
  wanted: number
  /** the rate at which requests left */
  kept: number
  /** how late requests left: the median */
  lateP50: number
  /** how late requests left: the 99th percentile */
  lateP99: number
  /** from the first request to the last answer */
  lasted: number
}

/** The calls of a load, and how well it kept to its schedule. */
export interface LoadResult {
  calls: Call[]
  timing: LoadTiming
}

const machineClock: Clock = {
  now: () => performance.now(),
  sleep: async (milliseconds, signal) => await sleep(milliseconds, undefined, { signal })
}

/**
 * Sends an open-loop load: requests leave at their rate, whether or not earlier ones have been answered. So a slow
 * service does not slow down the load that measures it. No request is retried. On a busy machine, requests leave late:
 * `timing` says how late.
 *
 * @throws {Error} when `signal` is aborted
 */
export async function sendLoad (
  { rate, until, isEnough, onCall = () => {}, signal, clock = machineClock, ...address }: LoadOptions
): Promise<LoadResult> {
  const agent = agentFor(address)
  const start = clock.now()
  const pending: Promise<Call>[] = []
  const late: number[] = []
  const series = new Series()
  let enough = false
  const goesOn = () => !enough && (typeof until === 'number' ? pending.length < until : !until.aborted)
  const send = async (index: number) => {
    const call = await exchange(address, agent)
    onCall(call)
    if (series.add(index, call) && !enough) enough = isEnough?.(series.first) === true
    return call
  }
  try {
    while (goesOn()) {
      const due = start + pending.length * 1000 / rate
      const early = due - clock.now()
      await (early > 0 ? clock.sleep(early, signal) : nextTurn()) // even a late load must let its answers arrive
      signal?.throwIfAborted()
      if (!goesOn()) break
      late.push(Math.max(0, clock.now() - due))
      pending.push(send(pending.length))
    }
    const sending = clock.now() - start + 1000 / rate // includes the interval after the last request
    const calls = await Promise.race([Promise.all(pending), rejectOnAbort(signal)])
    const timing = {
      wanted: rate,
      kept: pending.length * 1000 / sending,
      lateP50: percentile(late, 50),
      lateP99: percentile(late, 99),
      lasted: clock.now() - start
    }
    return { calls, timing }
  } finally {
    await (signal?.aborted === true ? agent.destroy() : agent.close())
  }
}

/** How many calls end between two looks at them. */
export const CALLS_BETWEEN_LOOKS = 25

/** Calls, which end in any order, in the order in which they were sent. */
class Series {
  /** the longest series of first calls that have all ended */
  readonly first: Call[] = []
  readonly #later = new Map<number, Call>()
  #seen = 0

  /** Adds a call, and returns whether it is time for the next look at the series. */
  add (index: number, call: Call): boolean {
    this.#later.set(index, call)
    for (let next; (next = this.#later.get(this.first.length)) !== undefined;) {
      this.#later.delete(this.first.length)
      this.first.push(next)
    }
    if (this.first.length < this.#seen + CALLS_BETWEEN_LOOKS) return false
    this.#seen = this.first.length
    return true
  }
}

/** A promise that is rejected when the signal is aborted, so that a load ends without waiting for slow answers. */
function rejectOnAbort (signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('The load was ended.', { cause: signal.reason })))
  })
}

/** Sends one request on a new connection. The promise is never rejected: without an answer, the status is 0. */
export async function sendRequest (address: Address | string): Promise<Call> {
  const to = typeof address === 'string' ? { url: address } : address
  const agent = agentFor(to)
  try {
    return await exchange(to, agent)
  } finally {
    await agent.close()
  }
}

/**
 * Sends twenty requests at once, so that all workers of a proxy get some. After a change, each connection from before
 * serves one more request by the old rules, and is then closed. A proxy opens a new connection only if no other is
 * free. So once all requests of a burst are served by the new rules, hardly any old connection is left.
 */
export function sendBurst (address: Address): Promise<Call[]> {
  return Promise.all(Array.from({ length: 20 }, () => sendRequest(address)))
}

/**
 * An agent that uses HTTP/1.1 for HTTPS as well. With HTTP/2, undici does not connect again after a refusal, so one
 * refusal would count for all requests.
 */
function agentFor ({ tls }: Address): Agent {
  const connect = tls as NonNullable<Agent.Options['connect']> | undefined
  return new Agent({ allowH2: false, ...connect !== undefined && { connect } })
}

/** Sends a request on one of the agent's connections, and reads the answer. */
async function exchange (address: Address, dispatcher: Agent): Promise<Call> {
  const { url, method = 'GET', headers = {}, body = null } = address
  const start = performance.now()
  try {
    const answer = await request(url, { method, headers, body, headersTimeout: 30_000, dispatcher })
    const text = await answer.body.text()
    const duration = performance.now() - start
    return { status: answer.statusCode, headers: answer.headers, body: text, duration, ...identityOf(answer.headers) }
  } catch (error) {
    return { status: 0, headers: {}, body: (error as Error).message, duration: performance.now() - start }
  }
}

/** What the headers say about the origin of an answer. */
function identityOf (headers: Call['headers']): Pick<Call, 'version' | 'pod' | 'attempt' | 'fault'> {
  const text = (name: string) => headers[name]?.toString()
  const attempt = text('x-attempt')
  return {
    version: text('x-served-version'),
    pod: text('x-served-by'),
    attempt: attempt === undefined ? undefined : Number(attempt),
    fault: text('x-chaos')
  }
}

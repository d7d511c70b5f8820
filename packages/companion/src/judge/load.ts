import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request as send } from 'undici'
import { percentile } from './figures.ts'

/** One request, and what came back. */
export interface Call {
  /** 0 where nothing came back */
  status: number
  body: string
  headers: Record<string, string | string[] | undefined>
  /** milliseconds */
  duration: number
  /** of the service that answered */
  version?: string | undefined
  pod?: string | undefined
  /** which attempt of the proxies the answer came from, from 1 */
  attempt?: number | undefined
  /** the type of the injected fault */
  fault?: string | undefined
}

/** Where a request goes, and how. */
export interface Address {
  url: string
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string | undefined
  /** for HTTPS: the name that the other side is to prove, by whose signature, and as PEM what we prove of ourselves */
  tls?: { servername: string, ca: string | undefined, cert: string | undefined, key: string | undefined }
}

export interface LoadOptions extends Address {
  /** requests a second */
  rate: number
  /** how many requests, or until when */
  until: number | AbortSignal
  /** told of each call as soon as it has ended */
  onCall?: (call: Call) => void
  /** ends the load without a result */
  signal?: AbortSignal | undefined
  /** the clock that says when requests leave; by default this machine's */
  clock?: Clock
}

/** A clock, in milliseconds, and a way to wait. */
export interface Clock {
  now: () => number
  sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
}

/** How well a load kept to its schedule. Rates are requests a second, the rest is milliseconds. */
export interface Pace {
  wanted: number
  kept: number
  /** how late requests left: the median, and what one in a hundred exceeded */
  lateP50: number
  lateP99: number
  /** from the first request to the last answer */
  lasted: number
}

/** The calls of a load, and how well it kept to its schedule. */
export interface Loaded {
  calls: Call[]
  pace: Pace
}

const machineClock: Clock = { now: () => performance.now(), sleep: async (milliseconds, signal) => await sleep(milliseconds, undefined, { signal }) }

/**
 * Open-loop load: requests leave at their rate, whether or not earlier ones have been answered, so that a slow service does not
 * slow down the measurement of it. Nothing is tried again. On a busy machine, requests leave late; the pace says how
 * late.
 */
export async function load ({ rate, until, onCall = () => {}, signal, clock = machineClock, ...address }: LoadOptions): Promise<Loaded> {
  const agent = agentFor(address)
  const start = clock.now()
  const pending: Promise<Call>[] = []
  const late: number[] = []
  const goesOn = () => typeof until === 'number' ? pending.length < until : !until.aborted
  try {
    while (goesOn()) {
      const due = start + pending.length * 1000 / rate
      const early = due - clock.now()
      if (early > 0) await clock.sleep(early, signal)
      signal?.throwIfAborted()
      if (!goesOn()) break
      late.push(Math.max(0, clock.now() - due))
      pending.push(request(address, agent).then(call => { onCall(call); return call }))
    }
    const left = clock.now() - start + 1000 / rate // the last request's interval counts as well
    const calls = await Promise.race([Promise.all(pending), aborted(signal)])
    const pace = { wanted: rate, kept: pending.length * 1000 / left, lateP50: percentile(late, 50), lateP99: percentile(late, 99), lasted: clock.now() - start }
    return { calls, pace }
  } finally {
    await (signal?.aborted === true ? agent.destroy() : agent.close())
  }
}

/** Rejected when the signal says so: answers may be slow. */
function aborted (signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('The load was ended.', { cause: signal.reason }))))
}

/** One request, on a connection of its own. */
export async function ask (address: Address | string): Promise<Call> {
  const to = typeof address === 'string' ? { url: address } : address
  const agent = agentFor(to)
  try {
    return await request(to, agent)
  } finally {
    await agent.close()
  }
}

/**
 * Twenty at once: more than a proxy keeps connections to a service. One from before a change is served as before it, once more, and is closed then; at once, they are all
 * used, and whoever asks next is served by the change.
 */
export function askAtOnce (address: Address): Promise<Call[]> {
  return Promise.all(Array.from({ length: 20 }, () => ask(address)))
}

// HTTP/1.1 as by plain HTTP: undici does not connect again for HTTP/2 once it was refused, and one refusal would count as all.
const agentFor = ({ tls }: Address) => new Agent({ allowH2: false, ...(tls !== undefined && { connect: tls as NonNullable<Agent.Options['connect']> }) })

async function request ({ url, method = 'GET', headers = {}, body: sent }: Address, dispatcher: Agent): Promise<Call> {
  const start = performance.now()
  try {
    const answer = await send(url, { method, headers, body: sent ?? null, headersTimeout: 30_000, dispatcher })
    const body = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, body, duration: performance.now() - start, ...identityOf(answer.headers) }
  } catch (error) {
    return { status: 0, headers: {}, body: (error as Error).message, duration: performance.now() - start }
  }
}

function identityOf (headers: Call['headers']) {
  const text = (name: string) => headers[name]?.toString()
  const attempt = text('x-attempt')
  return { version: text('x-served-version'), pod: text('x-served-by'), attempt: attempt === undefined ? undefined : Number(attempt), fault: text('x-chaos') }
}

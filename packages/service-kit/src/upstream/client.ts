import type { Attributes } from '@opentelemetry/api'
import type { Registry } from 'prom-client'
import { Pool, type Dispatcher } from 'undici'
import type { Caller } from '../caller.ts'
import { headersForOutside, type Trust } from '../propagation.ts'
import { MAX_HEADER_BYTES } from '../refusals.ts'
import type { UpstreamAnswer } from './answer.ts'
import { asUpstreamError, exchange, type ExchangeLimits } from './exchange.ts'
import { CallMetrics } from './metrics.ts'
import { Slots } from './slots.ts'
import { attributesFor, endWithAnswer, endWithFailure } from './spans.ts'

/** A request to an upstream. */
export interface UpstreamCall {
  /** GET by default. */
  method?: Dispatcher.HttpMethod
  path: string
  /** Sent as JSON. */
  body?: unknown
  /**
   * Whether to close the connection after this call. Outside a mesh, a Service picks a pod for each connection, so only
   * a new connection can reach another pod.
   */
  reset?: boolean
  /** Whether the call is operational, such as setting a fault. Such calls are not in the metrics. */
  operational?: boolean
}

/** Where an upstream is, whether to trust it, and how long it may take. */
export interface UpstreamOptions {
  name: string
  /** http://host:port */
  origin: string
  /** An upstream outside the mesh gets the trace and the request's id, and no other header of the caller. */
  trust: Trust
  /** From the call to the end of the answer; milliseconds. */
  timeoutMs: number
  /**
   * The largest body that is read. A list of small objects takes twenty times its bytes when it is parsed, so this must
   * fit the memory of the pod.
   */
  maxBytes?: number
  /** The registry that has `http_client_request_duration_seconds`. */
  metrics: Registry
}

/** Enough for a full catalog, and for thousands of users. */
const MAX_BODY_BYTES = 1024 * 1024

/** The most bytes of all answers that are being read. */
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024

/** The most calls at a time; more than any exercise needs. Without a limit, each call would have its own connection. */
const MAX_CALLS = 256

/** What this client calls itself in `user-agent` and in Proxy-Status. */
export const PRODUCT = 'outfitters'
const HEADERS = { accept: 'application/json', 'user-agent': PRODUCT }
const HEADERS_WITH_BODY = { ...HEADERS, 'content-type': 'application/json' }

/**
 * A service that this one calls. It never retries: behind a sidecar, retries belong to the mesh, and two layers of
 * retries multiply.
 */
export class Upstream {
  readonly name: string
  readonly #maxBytes: number
  readonly #limits: ExchangeLimits
  readonly #trust: Trust
  readonly #pool: Pool
  readonly #metrics: CallMetrics
  readonly #attributesOf: (method: string, path: string) => Attributes

  constructor ({ name, origin, trust, timeoutMs, maxBytes = MAX_BODY_BYTES, metrics }: UpstreamOptions) {
    this.name = name
    this.#maxBytes = maxBytes
    // undici's own limit for connections would keep the calls of callers that have disconnected in its queue.
    this.#limits = { name, timeoutMs, slots: new Slots(MAX_CALLS), buffer: { free: MAX_BUFFERED_BYTES } }
    this.#trust = trust
    this.#metrics = new CallMetrics(name, metrics)
    this.#attributesOf = attributesFor(name, new URL(origin))
    this.#pool = new Pool(origin, {
      connect: { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: maxBytes
    })
  }

  /**
   * Calls the upstream for a caller and reads the whole answer, with any status.
   *
   * @throws {UpstreamError} UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_BODY (too large) or CALLER_GONE
   */
  async call (call: UpstreamCall, caller: Caller): Promise<UpstreamAnswer> {
    const { method = 'GET', path, body, reset = false, operational = false } = call
    const start = performance.now()
    const forwarded = this.#trust === 'inside' ? caller.headers : headersForOutside(caller.headers)
    const headers = { ...forwarded, ...(body === undefined ? HEADERS : HEADERS_WITH_BODY) }
    const span = caller.trace?.call(method, this.#attributesOf(method, path), headers)
    const options = { method, path, headers, body: body === undefined ? null : JSON.stringify(body), reset }
    let answer: UpstreamAnswer | undefined
    try {
      answer = await exchange(this.#pool, this.#limits, options, caller)
      if (span !== undefined) endWithAnswer(span, answer.status, this.#metrics.faultOf(answer))
      return answer
    } catch (cause) {
      const error = asUpstreamError({ name: this.name, maxBytes: this.#maxBytes }, cause, caller)
      if (span !== undefined) endWithFailure(span, error)
      throw error
    } finally {
      // If the caller has disconnected, the end of the call is unknown.
      if (!operational && !caller.isDisconnected()) this.#metrics.observe(method, answer, performance.now() - start)
    }
  }

  /** Waits for the calls in progress, then closes the connections. */
  close (): Promise<void> {
    return this.#pool.close()
  }
}

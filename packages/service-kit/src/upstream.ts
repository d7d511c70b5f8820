import type { Span } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Histogram, type Registry } from 'prom-client'
import { errors, Pool, type Dispatcher } from 'undici'
import { unbracketed } from './addresses.ts'
import type { Caller } from './caller.ts'
import { handOnIdentity, identityOf, type Identity } from './identity.ts'
import { DURATION_BUCKETS } from './metrics.ts'
import { pathOf } from './paths.ts'
import { headersForOutside, type Trust } from './propagation.ts'
import { MAX_HEADER_BYTES } from './refusals.ts'
import { endWithError } from './tracing/request-trace.ts'

/**
 * Why a call failed: nobody answered, not in time, with another status than wanted, with a body that can't be used, or nobody waited
 * for the answer any more.
 */
export type UpstreamErrorCode = 'CALLER_GONE' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_STATUS' | 'UPSTREAM_BODY'

/** A call to an upstream that did not succeed. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
  readonly code: UpstreamErrorCode
  /** What the upstream answered, where it answered. */
  readonly answer: UpstreamAnswer | undefined

  constructor (code: UpstreamErrorCode, message: string, options: { answer?: UpstreamAnswer, cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.answer = options.answer
  }
}

/** A whole answer of an upstream, whatever its status. */
export class UpstreamAnswer {
  readonly upstream: string
  readonly status: number
  readonly identity: Identity
  readonly body: string

  constructor (upstream: string, status: number, identity: Identity, body: string) {
    this.upstream = upstream
    this.status = status
    this.identity = identity
    this.body = body
  }

  /** @throws {UpstreamError} UPSTREAM_STATUS where the status is another */
  expect (status: number): this {
    if (this.status !== status) {
      throw new UpstreamError('UPSTREAM_STATUS', `${this.upstream} answered ${this.status}`, { answer: this })
    }
    return this
  }

  /** @throws {UpstreamError} UPSTREAM_BODY where the body is not JSON, or not what `isWanted` asks for */
  json<T> (isWanted: (value: unknown) => value is T): T {
    let value: unknown
    try {
      value = JSON.parse(this.body)
    } catch (cause) {
      throw new UpstreamError('UPSTREAM_BODY', `${this.upstream} answered what is not JSON`, { answer: this, cause })
    }
    if (!isWanted(value)) throw new UpstreamError('UPSTREAM_BODY', `${this.upstream} answered JSON of another shape`, { answer: this })
    return value
  }
}

/** What is asked of an upstream. */
export interface UpstreamCall {
  method?: Dispatcher.HttpMethod
  path: string
  /** What is sent as JSON. */
  body?: unknown
  /** Whether the connection ends with this call, so that the next may meet another pod: what is not a mesh picks a pod for each connection. */
  reset?: boolean
  /** Whether it steers the upstream, and is no part of what it does for anybody: such calls are not in the metrics, as at the upstream itself. */
  operational?: boolean
}

/** Where an upstream is, whether to trust it, and how long it may take. */
export interface UpstreamOptions {
  name: string
  /** http://host:port */
  origin: string
  /** Outside the mesh, an upstream gets the trace and the request's id, and nothing else that the caller sent. */
  trust: Trust
  /** For connecting, for the head of the answer, and between two pieces of its body; milliseconds. */
  timeoutMs: number
  /** Where `http_client_request_duration_seconds` is kept. */
  metrics: Registry
}

const PRODUCT = 'outfitters'
const HEADERS = { accept: 'application/json', 'user-agent': PRODUCT }
const HEADERS_WITH_BODY = { ...HEADERS, 'content-type': 'application/json' }
/** More than a full catalog needs. */
const MAX_BODY_BYTES = 8 * 1024 * 1024

/**
 * A service that this one calls. It never retries: behind a sidecar that is the mesh's to decide, and two layers of retries
 * multiply.
 */
export class Upstream {
  readonly name: string
  readonly #origin: string
  readonly #address: string
  readonly #port: number
  readonly #trust: Trust
  readonly #pool: Pool
  readonly #duration: Histogram
  readonly #versions = new Labels()
  readonly #faults = new Labels()

  constructor ({ name, origin, trust, timeoutMs, metrics }: UpstreamOptions) {
    this.name = name
    this.#trust = trust
    const { origin: base, hostname, protocol, port } = new URL(origin)
    this.#origin = base
    this.#address = unbracketed(hostname)
    this.#port = Number(port || (protocol === 'https:' ? 443 : 80))
    this.#pool = new Pool(origin, {
      connect: { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: MAX_BODY_BYTES
    })
    this.#duration = durationIn(metrics)
  }

  /**
   * Calls on behalf of a caller and reads the whole answer, whatever its status.
   *
   * @throws {UpstreamError} UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_BODY (too large) or CALLER_GONE
   */
  async call ({ method = 'GET', path, body, reset = false, operational = false }: UpstreamCall, caller: Caller): Promise<UpstreamAnswer> {
    const start = performance.now()
    const carried = this.#trust === 'inside' ? caller.headers : headersForOutside(caller.headers)
    const headers = { ...carried, ...(body === undefined ? HEADERS : HEADERS_WITH_BODY) }
    const span = caller.trace?.call(method, this.#attributesOf(method, path), headers)
    let answer: UpstreamAnswer | undefined
    try {
      answer = await this.#exchange({ method, path, headers, body: body === undefined ? null : JSON.stringify(body), reset }, caller)
      if (span !== undefined) endWithAnswer(span, answer.status, this.#faults.of(answer.identity['x-chaos']))
      return answer
    } catch (cause) {
      const error = asUpstreamError(this.name, cause, caller)
      if (span !== undefined) endWithFailure(span, error)
      throw error
    } finally {
      if (!operational && !caller.hasGone()) this.#observe(method, answer, performance.now() - start) // how it would have ended nobody knows
    }
  }

  #attributesOf (method: string, path: string) {
    return {
      'http.request.method': method,
      'url.full': this.#origin + pathOf(path), // without the query, which may hold what doesn't belong in a trace
      'server.address': this.#address,
      'server.port': this.#port,
      'service.peer.name': this.name
    }
  }

  #observe (method: string, answer: UpstreamAnswer | undefined, ms: number): void {
    this.#duration.observe({
      upstream: this.name,
      method,
      status: answer?.status ?? 0,
      version: this.#versions.of(answer?.identity['x-served-version']),
      fault: this.#faults.of(answer?.identity['x-chaos'])
    }, ms / 1000)
  }

  // undici's dispatch: its request would make a stream of every answer, which costs as much as the rest of the call.
  #exchange (options: Dispatcher.DispatchOptions, caller: Caller): Promise<UpstreamAnswer> {
    return new Promise((resolve, reject) => {
      let status = 0
      let identity: Identity = {}
      const pieces: Buffer[] = []
      let controller: Dispatcher.DispatchController | undefined
      const end = (reason: Error) => {
        controller?.abort(reason)
        reject(reason) // also where there is no connection yet
      }
      caller.onceGone(() => end(new Error('the caller has gone')))
      caller.deadline?.addEventListener('abort', () => end(new errors.HeadersTimeoutError('the deadline has passed')), { once: true })
      this.#pool.dispatch(options, {
        onRequestStart: started => {
          controller = started
          if (caller.hasGone()) controller.abort(new Error('the caller has gone'))
        },
        onResponseStart: (_controller, statusCode, headers) => {
          status = statusCode
          identity = identityOf(headers)
        },
        onResponseData: (_controller, piece) => { pieces.push(piece) },
        onResponseEnd: () => {
          const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
          resolve(new UpstreamAnswer(this.name, status, identity, String(body)))
        },
        onResponseError: (_controller, error) => reject(error)
      })
    })
  }

  /** Waits for the calls under way, then closes the connections. */
  close (): Promise<void> {
    return this.#pool.close()
  }
}

function endWithAnswer (span: Span, status: number, fault: string): void {
  span.setAttribute('http.response.status_code', status)
  if (fault !== '') span.setAttribute('outfitters.fault', fault)
  if (status >= 400) endWithError(span, String(status))
  else span.end()
}

/** A call that nobody waits for any more is no error of anybody. */
function endWithFailure (span: Span, { code, message }: UpstreamError): void {
  if (code !== 'CALLER_GONE') return endWithError(span, code, message)
  span.setAttribute('outfitters.caller_gone', true)
  span.end()
}

function asUpstreamError (name: string, cause: unknown, caller: Caller): UpstreamError {
  if (caller.hasGone()) return new UpstreamError('CALLER_GONE', `nobody waits for ${name} any more`, { cause })
  if (cause instanceof errors.ConnectTimeoutError || cause instanceof errors.HeadersTimeoutError || cause instanceof errors.BodyTimeoutError) {
    return new UpstreamError('UPSTREAM_TIMEOUT', `${name} did not answer in time`, { cause })
  }
  if (cause instanceof errors.ResponseExceededMaxSizeError) {
    return new UpstreamError('UPSTREAM_BODY', `${name} answered more than ${MAX_BODY_BYTES} bytes`, { cause })
  }
  return new UpstreamError('UPSTREAM_UNREACHABLE', `${name} could not be reached: ${(cause as Error).message}`, { cause })
}

/** More versions, and more faults that go together, than any lesson has. */
const MAX_LABELS = 20

/** The values of a label, which must be short and few for Prometheus' sake, and come from another process: whatever is more is `other`. */
class Labels {
  readonly #known = new Set([''])

  of (value = ''): string {
    if (this.#known.has(value)) return value
    if (this.#known.size > MAX_LABELS || !/^[\w.,-]{1,32}$/.test(value)) return 'other'
    this.#known.add(value)
    return value
  }
}

function durationIn (metrics: Registry): Histogram {
  const name = 'http_client_request_duration_seconds'
  return metrics.getSingleMetric(name) as Histogram | undefined ?? new Histogram({
    name,
    help: 'How long calls to upstreams took, by upstream, method, status, and the version and injected fault that the answer names.',
    labelNames: ['upstream', 'method', 'status', 'version', 'fault'],
    buckets: DURATION_BUCKETS,
    registers: [metrics]
  })
}

/**
 * An error handler for routes that stand for an upstream: whatever went wrong there, the caller reads `text` with a 500, as the
 * book has it; the log has the reason, and in short the header Proxy-Status. Other errors go on to the service's own handler.
 */
export function upstreamErrors (text: string) {
  return (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    logUpstreamError(request, error)
    handOnIdentity(reply, error.answer?.identity)
    reply.header('proxy-status', proxyStatus(error))
    reply.code(500).type('text/plain; charset=utf-8').send(text)
  }
}

/** What a call failed of, in the words of RFC 9209. */
function proxyStatus ({ code, answer }: UpstreamError): string {
  if (code === 'UPSTREAM_TIMEOUT') return `${PRODUCT}; error=http_response_timeout`
  if (answer === undefined) return `${PRODUCT}; error=${code === 'UPSTREAM_BODY' ? 'http_response_body_size' : 'destination_unavailable'}`
  return `${PRODUCT}; received-status=${answer.status}`
}

/**
 * Logs a call that failed.
 *
 * @throws what is no UpstreamError
 */
export function logUpstreamError (request: FastifyRequest, error: unknown): asserts error is UpstreamError {
  if (!(error instanceof UpstreamError)) throw error
  const level = error.code === 'CALLER_GONE' ? 'debug' : 'warn' // who has gone is none of the upstream's failures
  request.log[level]({ code: error.code, requestId: request.id, ...request.trace?.ids, cause: (error.cause as Error | undefined)?.message }, error.message)
}

import type { Identity } from '../identity.ts'
import { isTooDeep, MAX_LEVELS } from '../nesting.ts'

/**
 * Why a call failed:
 *
 * - `CALLER_GONE`: the client that the call was made for has disconnected
 * - `UPSTREAM_UNREACHABLE`: no connection, or it broke
 * - `UPSTREAM_TIMEOUT`: no whole answer in time
 * - `UPSTREAM_STATUS`: an answer with another status than expected
 * - `UPSTREAM_BODY`: an answer whose body cannot be used
 */
export type UpstreamErrorCode =
  'CALLER_GONE' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_STATUS' | 'UPSTREAM_BODY'

/** A call to an upstream that failed. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
  readonly code: UpstreamErrorCode
  /** The upstream's answer, if there was one. */
  readonly answer: UpstreamAnswer | undefined

  constructor (code: UpstreamErrorCode, message: string, options: { answer?: UpstreamAnswer, cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.answer = options.answer
  }
}

/** A whole answer of an upstream, with any status. */
export class UpstreamAnswer {
  /** The name of the upstream. */
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

  /**
   * Returns this answer if it has the given status.
   *
   * @throws {UpstreamError} UPSTREAM_STATUS if it has another status
   */
  requireStatus (status: number): this {
    if (this.status !== status) {
      throw new UpstreamError('UPSTREAM_STATUS', `${this.upstream} answered ${this.status}`, { answer: this })
    }
    return this
  }

  /**
   * Parses the body.
   *
   * @throws {UpstreamError} UPSTREAM_BODY if the body is not JSON, or if `isExpected` refuses it
   */
  json<T> (isExpected: (value: unknown) => value is T): T {
    if (isTooDeep(this.body)) throw this.#unusable(`JSON of more than ${MAX_LEVELS} levels`)
    let value: unknown
    try {
      value = JSON.parse(this.body)
    } catch (cause) {
      throw this.#unusable('a body that is not JSON', cause)
    }
    if (isExpected(value)) return value
    throw this.#unusable('JSON of an unexpected shape')
  }

  #unusable (what: string, cause?: unknown): UpstreamError {
    return new UpstreamError('UPSTREAM_BODY', `${this.upstream} answered with ${what}`, { answer: this, cause })
  }
}

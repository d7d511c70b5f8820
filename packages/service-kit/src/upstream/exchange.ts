import { errors, type Dispatcher } from 'undici'
import type { Caller } from '../caller.ts'
import { identityOf, type Identity } from '../identity.ts'
import { UpstreamAnswer, UpstreamError } from './answer.ts'

/**
 * Sends a request to the upstream called `name` and reads the whole answer. It ends early if the caller disconnects,
 * its deadline passes, or the answer is not complete after `timeoutMs` milliseconds. undici's own timeouts begin
 * again with each piece that arrives, so an upstream that never finishes would hold the call forever.
 *
 * It uses undici's `dispatch`, because undici's `request` makes a stream of every answer. That costs as much as the
 * rest of the call.
 */
export function exchange (
  dispatcher: Dispatcher, { name, timeoutMs }: { name: string, timeoutMs: number },
  options: Dispatcher.DispatchOptions, caller: Caller
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let identity: Identity = {}
    const pieces: Buffer[] = []
    let controller: Dispatcher.DispatchController | undefined
    const end = (reason: Error) => {
      clearTimeout(timer)
      controller?.abort(reason)
      reject(reason) // also if there is no connection yet
    }
    const timer = setTimeout(() => end(new errors.HeadersTimeoutError('the answer is not complete')), timeoutMs)
    caller.onceDisconnected(() => end(new Error('the caller has disconnected')))
    caller.deadline?.addEventListener('abort', () => {
      end(new errors.HeadersTimeoutError('the deadline has passed'))
    }, { once: true })
    dispatcher.dispatch(options, {
      onRequestStart: started => {
        controller = started
        if (caller.isDisconnected()) controller.abort(new Error('the caller has disconnected'))
      },
      onResponseStart: (_controller, statusCode, headers) => {
        status = statusCode
        identity = identityOf(headers)
      },
      onResponseData: (_controller, piece) => { pieces.push(piece) },
      onResponseEnd: () => {
        clearTimeout(timer)
        const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
        resolve(new UpstreamAnswer(name, status, identity, String(body)))
      },
      onResponseError: (_controller, error) => {
        clearTimeout(timer)
        reject(error)
      }
    })
  })
}

/** Turns a failure of `exchange` into an error with a stable code. */
export function asUpstreamError (
  { name, maxBytes }: { name: string, maxBytes: number }, cause: unknown, caller: Caller
): UpstreamError {
  if (caller.isDisconnected()) {
    return new UpstreamError('CALLER_GONE', `the caller disconnected before ${name} answered`, { cause })
  }
  if (isTimeout(cause)) return new UpstreamError('UPSTREAM_TIMEOUT', `${name} did not answer in time`, { cause })
  if (cause instanceof errors.ResponseExceededMaxSizeError) {
    return new UpstreamError('UPSTREAM_BODY', `${name} answered more than ${maxBytes} bytes`, { cause })
  }
  const { message } = cause as Error
  return new UpstreamError('UPSTREAM_UNREACHABLE', `${name} could not be reached: ${message}`, { cause })
}

function isTimeout (cause: unknown): boolean {
  return cause instanceof errors.ConnectTimeoutError ||
    cause instanceof errors.HeadersTimeoutError ||
    cause instanceof errors.BodyTimeoutError
}

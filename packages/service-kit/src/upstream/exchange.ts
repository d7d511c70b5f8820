import { errors, type Dispatcher } from 'undici'
import type { Caller } from '../caller.ts'
import { identityOf, type Identity } from '../identity.ts'
import { UpstreamAnswer, UpstreamError } from './answer.ts'
import type { Slots } from './slots.ts'

/** The limits of an upstream. */
export interface ExchangeLimits {
  /** the name of the upstream, for errors */
  name: string
  /** from the call to the end of the answer; milliseconds */
  timeoutMs: number
  slots: Slots
  /** how many bytes the answers that are being read may still have together */
  buffer: { free: number }
}

/**
 * Sends a request to the upstream called `name` and reads the whole answer. It ends early if the caller disconnects,
 * its deadline passes, or the answer is not complete after `timeoutMs` milliseconds. undici's own timeouts begin
 * again with each piece that arrives, so an upstream that never finishes would hold the call forever.
 *
 * It uses undici's `dispatch`, because undici's `request` makes a stream of every answer. That costs as much as the
 * rest of the call.
 */
export function exchange (
  dispatcher: Dispatcher, { name, timeoutMs, slots, buffer }: ExchangeLimits,
  options: Dispatcher.DispatchOptions, caller: Caller
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let identity: Identity = {}
    const pieces: Buffer[] = []
    let bytes = 0
    let controller: Dispatcher.DispatchController | undefined
    let isOver = false
    let leave = () => {}
    const over = () => {
      isOver = true
      clearTimeout(timer)
      leave()
      buffer.free += bytes
      bytes = 0
    }
    const end = (reason: Error) => {
      controller?.abort(reason)
      reject(reason) // also if there is no connection yet
      over()
    }
    const timer = setTimeout(() => end(new errors.HeadersTimeoutError('the answer is not complete')), timeoutMs)
    caller.onceDisconnected(() => end(new Error('the caller has disconnected')))
    caller.deadline?.addEventListener('abort', () => {
      end(new errors.HeadersTimeoutError('the deadline has passed'))
    }, { once: true })
    leave = slots.take(() => dispatcher.dispatch(options, {
      onRequestStart: started => {
        controller = started
        if (caller.isDisconnected()) controller.abort(new Error('the caller has disconnected'))
      },
      onResponseStart: (_controller, statusCode, headers) => {
        status = statusCode
        identity = identityOf(headers)
      },
      onResponseData: (_controller, piece) => {
        if (isOver) return
        bytes += piece.length
        buffer.free -= piece.length
        if (buffer.free < 0) return end(new errors.ResponseExceededMaxSizeError('too many large answers at a time'))
        pieces.push(piece)
      },
      onResponseEnd: () => {
        over()
        const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
        resolve(new UpstreamAnswer(name, status, identity, String(body)))
      },
      onResponseError: (_controller, error) => {
        over()
        reject(error)
      }
    }))
    if (isOver) leave() // the call ended while it was started
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

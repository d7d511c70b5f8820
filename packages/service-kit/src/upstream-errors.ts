import type { FastifyReply, FastifyRequest } from 'fastify'
import { handOnIdentity } from './identity.ts'
import { UpstreamError } from './upstream.ts'

/**
 * An error handler for routes that stand for an upstream: whatever went wrong there, the caller reads `text` with a 500, as the
 * book has it, and the log has the reason. Other errors go on to the service's own handler.
 */
export function upstreamErrors (text: string) {
  return (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    logUpstreamError(request, error)
    handOnIdentity(reply, error.answer?.identity)
    reply.code(500).type('text/plain; charset=utf-8').send(text)
  }
}

/**
 * Logs a call that failed.
 *
 * @throws what is no UpstreamError
 */
export function logUpstreamError (request: FastifyRequest, error: unknown): asserts error is UpstreamError {
  if (!(error instanceof UpstreamError)) throw error
  const level = error.code === 'CALLER_GONE' ? 'debug' : 'warn' // who has gone is none of the upstream's failures
  request.log[level]({ code: error.code, cause: (error.cause as Error | undefined)?.message }, error.message)
}

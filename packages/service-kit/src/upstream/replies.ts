import type { FastifyReply, FastifyRequest } from 'fastify'
import { forwardIdentity } from '../identity.ts'
import { UpstreamError } from './answer.ts'
import { PRODUCT } from './client.ts'

/**
 * Makes an error handler for routes that forward an upstream's answer. If the upstream fails, the client gets `text`
 * with a 500, as in the book. The log has the reason, and the header Proxy-Status has a short form of it. Other errors
 * go to the error handler of the service.
 */
export function upstreamErrors (text: string) {
  return (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    logUpstreamError(request, error)
    forwardIdentity(reply, error.answer?.identity)
    reply.header('proxy-status', proxyStatus(error))
    reply.code(500).type('text/plain; charset=utf-8').send(text)
  }
}

/** Why a call failed, as a value of the header Proxy-Status (RFC 9209). */
function proxyStatus ({ code, answer }: UpstreamError): string {
  if (code === 'UPSTREAM_TIMEOUT') return `${PRODUCT}; error=http_response_timeout`
  if (answer !== undefined) return `${PRODUCT}; received-status=${answer.status}`
  return `${PRODUCT}; error=${code === 'UPSTREAM_BODY' ? 'http_response_body_size' : 'destination_unavailable'}`
}

/**
 * Logs a call that failed: at warn level, or at debug level if the caller has disconnected, which is not a failure of
 * the upstream.
 *
 * @throws the error itself if it is not an UpstreamError
 */
export function logUpstreamError (request: FastifyRequest, error: unknown): asserts error is UpstreamError {
  if (!(error instanceof UpstreamError)) throw error
  const { code, message, cause } = error
  const level = code === 'CALLER_GONE' ? 'debug' : 'warn'
  const fields = { code, requestId: request.id, ...request.trace?.ids, cause: (cause as Error | undefined)?.message }
  request.log[level](fields, message)
}

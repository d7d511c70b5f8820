import type { FastifyReply, FastifyRequest } from 'fastify'
import { propagatedHeaders } from './propagation.ts'

/** For whom an upstream is called: what goes with the call, and when nobody waits for it any more. */
export interface Caller {
  headers: Record<string, string>
  signal: AbortSignal
}

/**
 * The one whose request this service is answering. The request's id goes along even where no proxy has given it one, so that the
 * log lines of all hops can be joined.
 */
export function callerOf (request: FastifyRequest, reply: FastifyReply): Caller {
  // Not Fastify's request.signal: it also fires when a body has been read (fastify/fastify#6725).
  const gone = new AbortController()
  reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort() })
  return { headers: { ...propagatedHeaders(request.headers), 'x-request-id': request.id }, signal: gone.signal }
}

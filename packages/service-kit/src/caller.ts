import type { FastifyReply, FastifyRequest } from 'fastify'
import { propagatedHeaders } from './propagation.ts'
import type { RequestTrace } from './tracing/request-trace.ts'

/** For whom an upstream is called. */
export interface Caller {
  /** the headers that a call inside the mesh forwards; a call that leaves the mesh forwards some of these */
  headers: Record<string, string>
  /** whether nobody waits for the answer any more */
  hasGone: () => boolean
  /** Calls `listener` once, if and when nobody waits any more. */
  onceGone: (listener: () => void) => void
  /** when it fires, an answer comes too late */
  deadline: AbortSignal | undefined
  /** to which the call belongs; null where nobody traces */
  trace: RequestTrace | null
}

/**
 * The one whose request this service is answering. The request's id goes along even where no proxy has given it one, so that the
 * log lines of all hops can be joined.
 */
export function callerOf (request: FastifyRequest, { raw: response }: FastifyReply): Caller {
  // Neither Fastify's request.signal, which also fires when a body has been read (fastify/fastify#6725), nor an AbortController, which
  // would cost more than all the rest here.
  const hasGone = () => response.closed && !response.writableFinished
  const headers = propagatedHeaders(request.headers)
  headers['x-request-id'] = request.id
  return {
    headers,
    hasGone, // no getter: with one, V8 has a class of its own for every request's object, and a call costs a sixth more
    onceGone: listener => { response.once('close', () => { if (hasGone()) listener() }) },
    deadline: undefined,
    trace: request.trace
  }
}

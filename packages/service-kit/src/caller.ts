import type { FastifyReply, FastifyRequest } from 'fastify'
import { propagatedHeaders } from './propagation.ts'
import type { RequestTrace } from './tracing/request-trace.ts'

/** The client on whose behalf this service calls an upstream. */
export interface Caller {
  /** The headers that a call inside the mesh forwards. A call that leaves the mesh forwards only some of them. */
  headers: Record<string, string>
  /** Whether the client has disconnected, so that no answer can reach it. */
  isDisconnected: () => boolean
  /** Calls `listener` once, when the client disconnects before it has its answer. */
  onceDisconnected: (listener: () => void) => void
  /** Aborted when the time for an answer is up. */
  deadline: AbortSignal | undefined
  /** The trace that the call belongs to; null if tracing is off. */
  trace: RequestTrace | null
}

/**
 * The client whose request this service is answering. The request's id is always among the headers, even if no proxy
 * has set it, so that the log lines of all hops can be joined.
 */
export function callerOf (request: FastifyRequest, { raw: response }: FastifyReply): Caller {
  // Not Fastify's request.signal: it also fires when a body has been read (fastify/fastify#6725). Not an
  // AbortController either: it would cost more than everything else here.
  const isDisconnected = () => response.closed && !response.writableFinished
  const headers = propagatedHeaders(request.headers)
  headers['x-request-id'] = request.id
  return {
    headers,
    // Not a getter: with a getter, V8 makes a hidden class for each request, and a call costs a sixth more.
    isDisconnected,
    onceDisconnected: listener => { response.once('close', () => { if (isDisconnected()) listener() }) },
    deadline: undefined,
    trace: request.trace
  }
}

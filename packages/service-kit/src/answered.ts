import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Gets the route as an argument, because Fastify builds `request.routeOptions` anew each time it is read. */
type Listener = (request: FastifyRequest, reply: FastifyReply, route: FastifyRequest['routeOptions']) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Calls `listener` once for each request when the request is over, also if it got no answer. */
    whenAnswered: (listener: Listener) => void
  }
}

/**
 * Adds `whenAnswered`. Fastify's onResponse is not called if a connection breaks or a fault drops it. The response's
 * close event comes in every case.
 */
export const answered = fp(async app => {
  const listeners: Listener[] = []
  app.decorate('whenAnswered', listener => { listeners.push(listener) })

  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      const route = request.routeOptions
      for (const listener of listeners) listener(request, reply, route)
    })
    done()
  })
}, { name: 'answered' })

const sentPastResponse = new WeakMap<ServerResponse, number>()

/** Records the status of an answer that was written to the socket, past the response object. */
export function recordStatus (response: ServerResponse, status: number): void {
  sentPastResponse.set(response, status)
}

/** The status that the client saw; 0 if the connection ended before a whole answer was sent. */
export function statusOf ({ raw, statusCode }: FastifyReply): number {
  return raw.writableFinished ? statusCode : sentPastResponse.get(raw) ?? 0
}

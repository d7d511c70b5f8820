import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The route is an argument, because Fastify builds `request.routeOptions` again on each read. */
type Listener = (request: FastifyRequest, reply: FastifyReply, route: FastifyRequest['routeOptions']) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Calls `listener` once for each request when the request is over, even if it got no answer. */
    whenAnswered: (listener: Listener) => void
  }
}

/**
 * Adds `whenAnswered`. It listens for the response's close event, which always comes. Fastify does not call onResponse
 * if a connection breaks or a fault drops it.
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

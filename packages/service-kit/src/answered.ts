import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Gets the route besides, since Fastify puts `request.routeOptions` together anew each time that it is read. */
type Listener = (request: FastifyRequest, reply: FastifyReply, route: FastifyRequest['routeOptions']) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Has `listener` called once for each request when it is over, however it ended. */
    whenAnswered: (listener: Listener) => void
  }
}

/**
 * Knows when a request is over. Fastify's onResponse stays silent where a connection broke or a fault dropped it; the response's own
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

const ended = new WeakMap<ServerResponse, number>()

/** Records the status of an answer that the caller got without the response object. */
export function endedWith (response: ServerResponse, status: number): void {
  ended.set(response, status)
}

/** The status that the caller saw; 0 where the connection ended before a whole answer was sent. */
export function statusOf ({ raw, statusCode }: FastifyReply): number {
  return raw.writableFinished ? statusCode : ended.get(raw) ?? 0
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * Calls `listener` once for each request when it is over. Fastify's onResponse stays silent where a connection broke or a fault
 * dropped it; the response's own close event comes in every case.
 */
export function whenAnswered (app: FastifyInstance, listener: (request: FastifyRequest, reply: FastifyReply) => void): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => listener(request, reply))
    done()
  })
}

/** The status that the caller saw; 0 where the connection ended before a whole answer was sent. */
export function statusOf (reply: FastifyReply): number {
  return reply.raw.writableFinished ? reply.statusCode : 0
}

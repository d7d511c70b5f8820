import replyFrom from '@fastify/reply-from'
import Fastify, { type FastifyInstance } from 'fastify'

/**
 * Stands before several instances of a service as a sidecar would: one address, and each request goes to the next instance.
 * It hands on whatever comes, and answers 503 where the instance breaks the connection.
 *
 * @param upstreams where the instances are, as in http://127.0.0.1:3001
 */
export function buildFront (upstreams: string[]): FastifyInstance {
  const app = Fastify({ keepAliveTimeout: 65 * 60 * 1000, return503OnClosing: false, forceCloseConnections: true })
  let turn = 0

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, body, done) => done(null, body))
  app.register(replyFrom)

  app.all('/*', (request, reply) => reply.from(`${upstreams[turn++ % upstreams.length]}${request.raw.url}`, {
    retryDelay: () => null, // the library's default sends a GET again after a 503, and would hide the faults that people set
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, host: request.headers.host }),
    onError: (reply, { error }) => {
      reply.code(503).type('text/plain; charset=utf-8').send(`no answer from the upstream: ${error.message}`)
    }
  }))
  return app
}

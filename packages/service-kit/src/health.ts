import fp from 'fastify-plugin'
import { Type } from './schema.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Makes `/readyz` fail and asks clients to close their connections. The service still answers every request.
     */
    drain: () => void
  }
}

const Status = Type.Object({ status: Type.String() })

/**
 * `/healthz` says that the process is alive, `/readyz` that it can take traffic. Neither checks upstreams: if it did,
 * one catalog that is down would take every webapp out of rotation.
 */
export const health = fp(async app => {
  let draining = false
  app.decorate('drain', () => { draining = true })
  app.whenClosing(() => app.drain())

  // The hook runs when an answer is sent, so that requests in progress close their connections too.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining) reply.header('connection', 'close')
    done()
  })

  app.get('/healthz', {
    config: { operational: true },
    schema: { tags: ['operations'], summary: 'Is the process alive?', response: { 200: Status } }
  }, () => ({ status: 'ok' }))

  app.get('/readyz', {
    config: { operational: true },
    schema: { tags: ['operations'], summary: 'Can it take traffic?', response: { 200: Status, 503: Status } }
  }, (_request, reply) => draining ? reply.code(503).send({ status: 'draining' }) : { status: 'ok' })
}, { name: 'health' })

import fp from 'fastify-plugin'
import { Type } from 'typebox'

declare module 'fastify' {
  interface FastifyInstance {
    /** From here on the service says that it is not ready, and asks its callers to connect elsewhere, while it still serves. */
    drain: () => void
  }
}

const Status = Type.Object({ status: Type.String() })

/**
 * `/healthz` says that the process is alive, `/readyz` that it wants traffic. Neither speaks of upstreams: a probe that did
 * would take every webapp out of rotation because one catalog is down.
 */
export const health = fp(async app => {
  let draining = false
  app.decorate('drain', () => { draining = true })
  app.addHook('preClose', async () => app.drain())

  // On sending, not on receiving: an answer that was under way before would leave behind a connection that nobody closes.
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
    schema: { tags: ['operations'], summary: 'Does it want traffic?', response: { 200: Status, 503: Status } }
  }, (_request, reply) => draining ? reply.code(503).send({ status: 'draining' }) : { status: 'ok' })
}, { name: 'health' })

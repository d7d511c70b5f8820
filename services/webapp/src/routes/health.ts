import { TextBody } from '@outfitters/service-kit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

/** `GET /api/healthz`: the probe that the book's manifests use. */
export const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/api/healthz', {
    config: { operational: true },
    schema: {
      tags: ['operations'],
      summary: "The book's probe",
      response: { 200: TextBody() }
    }
  }, (_request, reply) => {
    reply.type('text/plain; charset=utf-8').send('Healthy!')
  })
}

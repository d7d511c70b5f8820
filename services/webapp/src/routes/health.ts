import { Type } from '@outfitters/service-kit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

/** `GET /api/healthz`: the probe that the book's manifests use. */
export const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/api/healthz', {
    config: { operational: true },
    schema: {
      tags: ['operations'],
      summary: "The book's probe",
      produces: ['text/plain'],
      response: { 200: Type.String() }
    }
  }, (_request, reply) => {
    reply.type('text/plain; charset=utf-8').send('Healthy!')
  })
}

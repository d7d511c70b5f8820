import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoBody } from '@outfitters/service-kit'

/** `GET /api/healthz`: the probe that the book's manifests use. */
export const healthRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/api/healthz', {
    config: { operational: true },
    schema: { tags: ['operations'], summary: "The book's probe", response: { 200: NoBody } }
  }, (_request, reply) => {
    reply.send(undefined)
  })
}

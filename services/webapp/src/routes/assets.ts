import { readdirSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const PUBLIC = `${import.meta.dirname}/../../public`

/** The page's style sheet and script below /static, as they are read, and the store's pictures below /images. */
export const assetRoutes: FastifyPluginAsyncTypebox = async app => {
  const pictures = new Set(readdirSync(`${PUBLIC}/images`))
  await app.register(fastifyStatic, { root: `${PUBLIC}/static`, prefix: '/static/' })

  app.get('/images/:picture', {
    schema: {
      tags: ['page'],
      summary: "An item's picture; a generic one for items that nobody drew",
      params: Type.Object({ picture: Type.String() }),
      produces: ['image/svg+xml'],
      response: { 200: Type.Unsafe<never>({ type: 'string' }) }
    }
  }, async (request, reply) => {
    const { picture } = request.params
    reply.header('content-security-policy', "default-src 'none'")
    return reply.sendFile(pictures.has(picture) ? picture : 'generic.svg', `${PUBLIC}/images`)
  })
}

import { Type } from '@outfitters/service-kit'
import { readdirSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'

const PUBLIC = `${import.meta.dirname}/../../public`

/** The files of the page: style sheet and scripts below /static, and the pictures of items below /images. */
export const assetRoutes: FastifyPluginAsync = async app => {
  const pictures = new Set(readdirSync(`${PUBLIC}/images`))
  await app.register(fastifyStatic, { root: `${PUBLIC}/static`, prefix: '/static/' })

  app.get<{ Params: { picture: string } }>('/images/:picture', {
    schema: {
      tags: ['page'],
      summary: "An item's picture; a generic one for items without a picture of their own",
      params: Type.Object({ picture: Type.String() }),
      produces: ['image/svg+xml'],
      response: { 200: Type.String() }
    }
  }, async (request, reply) => {
    const { picture } = request.params
    reply.header('content-security-policy', "default-src 'none'")
    return reply.sendFile(pictures.has(picture) ? picture : 'generic.svg', `${PUBLIC}/images`)
  })
}

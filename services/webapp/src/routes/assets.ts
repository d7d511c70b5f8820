import { ErrorAnswer, NoBody, TextBody, Type } from '@outfitters/service-kit'
import { readdirSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { compressed } from '../compressed.ts'

const Picture = TextBody('image/svg+xml')
const PUBLIC = `${import.meta.dirname}/../../public`

/** The files of the page: style sheet and scripts below /static, and the pictures of items below /images. */
export const assetRoutes: FastifyPluginAsync = async app => {
  app.addHook('onSend', compressed())
  const pictures = new Set(readdirSync(`${PUBLIC}/images`))
  await app.register(fastifyStatic, { root: `${PUBLIC}/static`, prefix: '/static/' })

  app.get<{ Params: { picture: string } }>('/images/:picture', {
    schema: {
      tags: ['page'],
      summary: "An item's picture; a generic one for items without a picture of their own",
      params: Type.Object({ picture: Type.String() }),
      response: { 200: Picture, 206: Picture, 304: NoBody, 412: ErrorAnswer, 416: ErrorAnswer }
    }
  }, async (request, reply) => {
    const { picture } = request.params
    reply.header('content-security-policy', "default-src 'none'")
    return reply.sendFile(pictures.has(picture) ? picture : 'generic.svg', `${PUBLIC}/images`)
  })
}

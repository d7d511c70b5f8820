import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf, forwardIdentity } from '@outfitters/service-kit'
import { upstreamErrors } from '@outfitters/service-kit/upstream'
import { Type } from 'typebox'
import { ForumUser } from '../clients/forum.ts'
import { likeGet } from './like-get.ts'

/** The users as the outside sees them: as the forum tells them. */
export const userRoutes: FastifyPluginAsyncTypebox = async app => {
  app.setErrorHandler(upstreamErrors('error calling Forum service'))

  likeGet(app, '/api/users', {
    tags: ['forum'], summary: 'All users', response: { 200: Type.Unsafe<string>(Type.Array(ForumUser)), 500: Type.String() }
  }, async (request, reply) => {
    const { value, identity } = await app.forum.users(callerOf(request, reply))
    forwardIdentity(reply, identity)
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(value))
  })
}

import { callerOf, forwardIdentity, TextBody, Type } from '@outfitters/service-kit'
import { upstreamErrors } from '@outfitters/service-kit/upstream'
import type { FastifyPluginAsync } from 'fastify'
import { ForumUser } from '../clients/forum.ts'
import { addAnyMethodRoute } from './any-method.ts'

/** The users for clients outside the mesh, with all properties that the forum sent. */
export const userRoutes: FastifyPluginAsync = async app => {
  app.setErrorHandler(upstreamErrors('error calling Forum service'))

  addAnyMethodRoute(app, '/api/users', {
    tags: ['forum'],
    summary: 'All users',
    response: { 200: Type.Array(ForumUser), 500: TextBody() }
  }, async (request, reply) => {
    const { value, identity } = await app.forum.users(callerOf(request, reply))
    forwardIdentity(reply, identity)
    // As text, because the schema's serializer would reorder the properties.
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(value))
  })
}

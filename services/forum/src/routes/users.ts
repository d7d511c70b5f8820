import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf, type Caller } from '@outfitters/service-kit'
import { Upstream, upstreamErrors } from '@outfitters/service-kit/upstream'
import { Type } from 'typebox'
import type { ForumConfig } from '../config.ts'
import { LOCAL_USERS } from '../local-users.ts'
import { User } from '../user.ts'

/** The users, as whoever has them tells them. */
export const userRoutes: FastifyPluginAsyncTypebox<ForumConfig> = async (app, config) => {
  const trust = config.USERS_TRUSTED ? 'inside' : 'outside'
  const usersOf = config.LOCAL_USERS ? () => JSON.stringify(LOCAL_USERS) : fetchUsers(config.USERS_URL)
  app.setErrorHandler(upstreamErrors('error calling Users service'))

  app.get('/api/users', {
    schema: { tags: ['forum'], summary: 'All users', response: { 200: Type.Unsafe<string>(Type.Array(User)), 500: Type.String() } }
  }, async (request, reply) =>
    reply.type('application/json; charset=utf-8').send(await usersOf(callerOf(request, reply))))

  function fetchUsers (url: string): (caller: Caller) => Promise<string> {
    const { origin, pathname, search } = new URL(url)
    const timeoutMs = config.UPSTREAM_TIMEOUT_MS
    const upstream = new Upstream({ name: 'users', origin, trust, timeoutMs, metrics: app.metrics })
    app.addHook('onClose', () => upstream.close())
    return async caller => {
      const answer = await upstream.call({ path: pathname + search }, caller)
      answer.expect(200).json(Array.isArray)
      return answer.body
    }
  }
}

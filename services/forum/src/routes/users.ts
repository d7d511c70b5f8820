import { type Caller, callerOf, TextBody, Type } from '@outfitters/service-kit'
import { Upstream, upstreamErrors } from '@outfitters/service-kit/upstream'
import type { FastifyPluginAsync } from 'fastify'
import type { ForumConfig } from '../config.ts'
import { LOCAL_USERS } from '../local-users.ts'
import { User } from '../user.ts'

/** The users: the bytes that the users API answered, or the built-in data. */
export const userRoutes: FastifyPluginAsync<ForumConfig> = async (app, config) => {
  const trust = config.USERS_TRUSTED ? 'inside' : 'outside'
  const loadUsers = config.LOCAL_USERS ? () => JSON.stringify(LOCAL_USERS) : usersApi(config.USERS_URL)
  app.setErrorHandler(upstreamErrors('error calling Users service'))

  app.get('/api/users', {
    schema: { tags: ['forum'], summary: 'All users', response: { 200: Type.Array(User), 500: TextBody() } }
  }, async (request, reply) => {
    const users = await loadUsers(callerOf(request, reply))
    return reply.type('application/json; charset=utf-8').send(users)
  })

  /** A function that calls the users API and returns its JSON text. */
  function usersApi (url: string): (caller: Caller) => Promise<string> {
    const { origin, pathname, search } = new URL(url)
    const timeoutMs = config.UPSTREAM_TIMEOUT_MS
    const upstream = new Upstream({ name: 'users', origin, trust, timeoutMs, metrics: app.metrics })
    app.addHook('onClose', () => upstream.close())
    return async caller => {
      const answer = await upstream.call({ path: pathname + search }, caller)
      answer.requireStatus(200).json(Array.isArray)
      return answer.body
    }
  }
}

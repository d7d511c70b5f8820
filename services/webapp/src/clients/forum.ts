import type { Caller, Identity } from '@outfitters/service-kit'
import type { Upstream } from '@outfitters/service-kit/upstream'
import { Type, type Static } from 'typebox'

/** The part of a user that the webapp looks at; the rest is handed on. */
export const ForumUser = Type.Object({
  name: Type.Optional(Type.String()),
  email: Type.Optional(Type.String()),
  company: Type.Optional(Type.Object({ name: Type.Optional(Type.String()) }, { additionalProperties: true }))
}, { additionalProperties: true, title: 'ForumUser' })
export type ForumUser = Static<typeof ForumUser>

/** The forum as the webapp sees it. */
export class ForumClient {
  readonly #upstream: Upstream

  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /** @throws {UpstreamError} when the forum fails, or says something else than asked */
  async users (caller: Caller): Promise<{ value: ForumUser[], identity: Identity }> {
    const answer = await this.#upstream.call({ path: '/api/users' }, caller)
    return { value: answer.expect(200).json(isUserList), identity: answer.identity }
  }
}

function isUserList (value: unknown): value is ForumUser[] {
  return Array.isArray(value) && value.every(user => typeof user === 'object' && user !== null && !Array.isArray(user))
}

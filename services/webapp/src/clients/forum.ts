import { Type } from '@outfitters/service-kit'
import type { Caller, Identity } from '@outfitters/service-kit'
import type { Upstream } from '@outfitters/service-kit/upstream'
import type { Static } from 'typebox'

/** The properties of a user that the webapp reads. It forwards all others unread. */
export const ForumUser = Type.Object({
  name: Type.Optional(Type.String()),
  email: Type.Optional(Type.String()),
  company: Type.Optional(Type.Object({ name: Type.Optional(Type.String()) }, { additionalProperties: true }))
}, { additionalProperties: true, title: 'ForumUser' })
export type ForumUser = Static<typeof ForumUser>

/** A client of the forum. */
export class ForumClient {
  readonly #upstream: Upstream

  /** @param upstream the forum's connections; the caller closes them */
  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /**
   * All users.
   *
   * @throws {UpstreamError} if the forum fails, or if its answer has an unexpected status or shape
   */
  async users (caller: Caller): Promise<{ value: ForumUser[], identity: Identity }> {
    const answer = await this.#upstream.call({ path: '/api/users' }, caller)
    return { value: answer.requireStatus(200).json(isUserList), identity: answer.identity }
  }
}

function isUserList (value: unknown): value is ForumUser[] {
  return Array.isArray(value) && value.every(user => typeof user === 'object' && user !== null && !Array.isArray(user))
}

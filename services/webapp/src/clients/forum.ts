import { Type } from '@outfitters/service-kit'
import type { Caller, Identity } from '@outfitters/service-kit'
import type { Upstream } from '@outfitters/service-kit/upstream'

/** A user as the forum sent it. The page shows some properties, and none of them has to be a text. */
export interface ForumUser { name?: unknown, email?: unknown, company?: { name?: unknown } | null }
export const ForumUser = Type.Unsafe<ForumUser>({
  type: 'object', title: 'ForumUser', description: 'usually with name, email and company, but the forum may send others'
})

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

import { baseConfig, Type, upstreamConfig } from '@outfitters/service-kit'
import type { Static } from 'typebox'

/** The environment variables that the forum reads. */
export const ForumConfig = Type.Object({
  ...baseConfig,
  ...upstreamConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 8080 }),
  USERS_URL: Type.String({
    // Plain HTTP, so that the sidecar can read the call, and chapter 5 can block and allow it.
    default: 'http://jsonplaceholder.typicode.com/users',
    format: 'http-url',
    description: 'where the users come from'
  }),
  USERS_TRUSTED: Type.Boolean({
    default: false,
    description: 'whether the users API belongs to the mesh; if so, it gets authorization and every x-* header'
  }),
  LOCAL_USERS: Type.Boolean({ default: false, description: 'answer from built-in data, without a users API' })
})
export type ForumConfig = Static<typeof ForumConfig>

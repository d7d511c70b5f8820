import { baseConfig, upstreamConfig } from '@outfitters/service-kit'
import { Type, type Static } from 'typebox'

/** What the forum reads from its environment. */
export const ForumConfig = Type.Object({
  ...baseConfig,
  ...upstreamConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 8080 }),
  USERS_URL: Type.String({
    // Plain HTTP, so that the sidecar sees the call and chapter 5 has something to block and allow.
    default: 'http://jsonplaceholder.typicode.com/users',
    format: 'http-url',
    description: 'where the users come from'
  }),
  USERS_TRUSTED: Type.Boolean({
    default: false,
    description: 'whether the users API belongs to the mesh, and gets authorization and every x-* header'
  }),
  LOCAL_USERS: Type.Boolean({ default: false, description: 'answer from built-in data, and call nobody' })
})
export type ForumConfig = Static<typeof ForumConfig>

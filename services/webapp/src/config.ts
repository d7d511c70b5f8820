import { baseConfig, Type, upstreamConfig } from '@outfitters/service-kit'
import type { Static } from 'typebox'

const host = { format: 'host' }
const port = { minimum: 1, maximum: 65535 }

/** The environment variables that the webapp reads. */
export const WebappConfig = Type.Object({
  ...baseConfig,
  ...upstreamConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 8080 }),
  CATALOG_SERVICE_HOST: Type.String({ ...host, default: 'catalog' }),
  CATALOG_SERVICE_PORT: Type.Integer({ ...port, default: 80 }),
  FORUM_SERVICE_HOST: Type.String({ ...host, default: 'forum' }),
  FORUM_SERVICE_PORT: Type.Integer({ ...port, default: 80 })
})
export type WebappConfig = Static<typeof WebappConfig>

import { baseConfig, VERSION_PATTERN, type BaseConfig } from '@outfitters/service-kit'
import { Type, type Static } from 'typebox'

/** What the catalog reads from its environment. */
export const CatalogEnv = Type.Object({
  ...baseConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 3000 }),
  SERVICE_VERSION: Type.Optional(Type.String({ pattern: VERSION_PATTERN })),
  SHOW_IMAGE: Type.Optional(Type.Boolean({ description: 'whether items have an imageUrl' })),
  IMAGE_URL: Type.Optional(Type.String({ pattern: '^(https?://|/)', description: "one URL for every image, in place of the webapp's pictures" }))
})
export type CatalogEnv = Static<typeof CatalogEnv>

export type CatalogConfig = BaseConfig & CatalogEnv & { SHOW_IMAGE: boolean }

/**
 * Version 2 is the version with images. One variable is enough: the book's v2 manifest sets SHOW_IMAGE alone, and who sets
 * SERVICE_VERSION=v2 alone means the same.
 */
export function resolveVersion (env: CatalogEnv): CatalogConfig {
  const SHOW_IMAGE = env.SHOW_IMAGE ?? env.SERVICE_VERSION === 'v2'
  return { ...env, SHOW_IMAGE, SERVICE_VERSION: env.SERVICE_VERSION ?? (SHOW_IMAGE ? 'v2' : 'v1') }
}

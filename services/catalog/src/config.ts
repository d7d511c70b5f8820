import { baseConfig, type BaseConfig, Type, VERSION_PATTERN } from '@outfitters/service-kit'
import type { Static } from 'typebox'

/** The environment variables that the catalog reads. */
export const CatalogEnv = Type.Object({
  ...baseConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 3000 }),
  SERVICE_VERSION: Type.Optional(Type.String({ pattern: VERSION_PATTERN })),
  SHOW_IMAGE: Type.Optional(Type.Boolean({ description: 'whether items have an imageUrl' })),
  IMAGE_URL: Type.Optional(Type.String({
    pattern: '^(https?://|/)',
    description: "one URL for all images, instead of the webapp's pictures"
  }))
})
export type CatalogEnv = Static<typeof CatalogEnv>

/** The environment with the version resolved. */
export type CatalogConfig = BaseConfig & CatalogEnv & { SHOW_IMAGE: boolean }

/**
 * Derives the version from SHOW_IMAGE, or SHOW_IMAGE from the version. Version 2 is the version with images, so one of
 * the two variables is enough: the book's v2 manifest sets only SHOW_IMAGE, and SERVICE_VERSION=v2 means the same.
 */
export function resolveVersion (env: CatalogEnv): CatalogConfig {
  const SHOW_IMAGE = env.SHOW_IMAGE ?? env.SERVICE_VERSION === 'v2'
  return { ...env, SHOW_IMAGE, SERVICE_VERSION: env.SERVICE_VERSION ?? (SHOW_IMAGE ? 'v2' : 'v1') }
}

import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger } from '@outfitters/service-kit/testing'
import { buildApp } from '../src/app.ts'
import { CatalogEnv, resolveVersion } from '../src/config.ts'

/** A catalog as an environment configures it, not yet started. */
export function catalog (env: Record<string, string> = {}) {
  return buildApp(resolveVersion(parseConfig(CatalogEnv, { HOSTNAME: 'catalog-1', ...env })), { logger: silentLogger })
}

/** The same, listening; its origin. */
export async function start (env: Record<string, string> = {}) {
  const app = catalog(env)
  return { app, origin: await listen(app) }
}

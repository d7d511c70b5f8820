import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger } from '@outfitters/service-kit/testing'
import { onTestFinished } from 'vitest'
import { buildApp } from '../src/app.ts'
import { CatalogEnv, resolveVersion } from '../src/config.ts'

/** A catalog with these environment variables, not yet listening. It is closed after the test. */
export function catalog (env: Record<string, string> = {}) {
  const config = resolveVersion(parseConfig(CatalogEnv, { HOSTNAME: 'catalog-1', ...env }))
  const app = buildApp(config, { logger: silentLogger })
  onTestFinished(() => app.close())
  return app
}

/** A catalog that listens on a free port, and its origin. It is closed after the test. */
export async function start (env: Record<string, string> = {}) {
  const app = catalog(env)
  return { app, origin: await listen(app) }
}

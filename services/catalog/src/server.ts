import { createLogger, loadConfig, run } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { CatalogEnv, resolveVersion } from './config.ts'

const config = resolveVersion(loadConfig(CatalogEnv, process.env))
const logger = await createLogger('catalog', config)
await run(buildApp(config, { logger }), config)

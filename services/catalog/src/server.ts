import { createLogger, loadConfig, run, startTelemetry } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { CatalogEnv, resolveVersion } from './config.ts'

const config = resolveVersion(loadConfig(CatalogEnv, process.env))
const logger = await createLogger('catalog', config)
const telemetry = await startTelemetry('catalog', config, logger)
await run(buildApp(config, { logger, telemetry }), config, telemetry)

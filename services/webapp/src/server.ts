import { createLogger, loadConfig, run, startTelemetry } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { WebappConfig } from './config.ts'

const config = loadConfig(WebappConfig, process.env)
const logger = await createLogger('webapp', config)
const telemetry = await startTelemetry('webapp', config, logger)
await run(buildApp(config, { logger, telemetry }), config, telemetry)

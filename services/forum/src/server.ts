import { createLogger, loadConfig, run, startTelemetry } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { ForumConfig } from './config.ts'

const config = loadConfig(ForumConfig, process.env)
const logger = await createLogger('forum', config)
const telemetry = await startTelemetry('forum', config, logger)
await run(buildApp(config, { logger, telemetry }), config, telemetry)

import { createLogger, loadConfig, run } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { WebappConfig } from './config.ts'

const config = loadConfig(WebappConfig, process.env)
const logger = await createLogger('webapp', config)
await run(buildApp(config, { logger }), config)

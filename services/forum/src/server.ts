import { createLogger, loadConfig, run } from '@outfitters/service-kit'
import { buildApp } from './app.ts'
import { ForumConfig } from './config.ts'

const config = loadConfig(ForumConfig, process.env)
const logger = await createLogger('forum', config)
await run(buildApp(config, { logger }), config)

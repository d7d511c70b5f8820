import { baseConfig, createLogger, describeListening, listenOptions, loadConfig, Type } from '@outfitters/service-kit'
import closeWithGrace from 'close-with-grace'
import { buildFront } from './front.ts'

const config = loadConfig(Type.Object({
  PORT: Type.Integer({ ...baseConfig.PORT, default: 3000 }),
  HOST: baseConfig.HOST,
  HOSTNAME: baseConfig.HOSTNAME,
  LOG_LEVEL: baseConfig.LOG_LEVEL,
  SERVICE_VERSION: baseConfig.SERVICE_VERSION,
  UPSTREAMS: Type.String({
    pattern: '^https?://[^,\\s]+(,https?://[^,\\s]+)*$',
    description: 'the URLs of the instances, separated by commas'
  })
}), process.env)

const logger = await createLogger('front', config)
const app = buildFront(config.UPSTREAMS.split(','), logger)
closeWithGrace(() => app.close())
try {
  await app.listen(listenOptions(config))
} catch (err) {
  logger.fatal({ err }, `cannot listen on ${describeListening(config)}`)
  process.exit(1)
}

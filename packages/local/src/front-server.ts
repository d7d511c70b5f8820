import { baseConfig, listenOptions, loadConfig } from '@outfitters/service-kit'
import closeWithGrace from 'close-with-grace'
import { Type } from 'typebox'
import { buildFront } from './front.ts'

const config = loadConfig(Type.Object({
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535 }),
  HOST: baseConfig.HOST,
  UPSTREAMS: Type.String({ pattern: '^https?://[^,\\s]+(,https?://[^,\\s]+)*$', description: 'where the instances are, separated by commas' })
}), process.env)

const app = buildFront(config.UPSTREAMS.split(','))
closeWithGrace(() => app.close())
await app.listen(listenOptions(config))

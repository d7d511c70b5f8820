import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Logger } from 'pino'
import { baseConfig, parseConfig } from '../src/config.ts'
import { Type } from '../src/schema.ts'
import { createService, type Service } from '../src/service.ts'
import { silentLogger } from '../src/testing.ts'

/** Makes a service with three routes, for the kit's own tests. */
export function exampleService (env: Record<string, string> = {}, logger: Logger = silentLogger): Service {
  const Config = Type.Object({ ...baseConfig, PORT: Type.Integer({ default: 0 }) })
  const app = createService(parseConfig(Config, { HOSTNAME: 'example-1', ...env }), {
    name: 'example',
    description: 'An example.',
    logger,
    isBusinessPath: path => path.includes('items')
  })
  app.register(routes)
  return app
}

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('/items', {
    schema: { tags: ['example'], summary: 'Items', response: { 200: Type.Array(Type.Integer()) } }
  }, () => [1, 2, 3])

  app.post('/items', {
    schema: {
      tags: ['example'],
      summary: 'Add',
      body: Type.Object({ name: Type.String() }),
      response: { 200: Type.String() }
    }
  }, request => request.body.name)

  app.get('/broken', {
    schema: { tags: ['example'], summary: 'A bug', response: { 200: Type.String() } }
  }, () => { throw new Error('password=secret') })
}

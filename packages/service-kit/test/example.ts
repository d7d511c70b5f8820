import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Logger } from 'pino'
import { baseConfig, parseConfig } from '../src/config.ts'
import { createService, type Service } from '../src/service.ts'
import { silentLogger } from '../src/testing.ts'

/** A service of two routes on the kit, for the kit's own tests. */
export function exampleService (env: Record<string, string> = {}, logger: Logger = silentLogger): Service {
  const config = parseConfig(Type.Object({ ...baseConfig, PORT: Type.Integer({ default: 0 }) }), { HOSTNAME: 'example-1', ...env })
  const app = createService(config, { name: 'example', description: 'An example.', logger, isBusinessPath: path => path.includes('items') })

  app.register((async scope => {
    scope.get('/items', { schema: { tags: ['example'], summary: 'Items', response: { 200: Type.Array(Type.Integer()) } } }, () => [1, 2, 3])
    scope.post('/items', { schema: { tags: ['example'], summary: 'Add', body: Type.Object({ name: Type.String() }), response: { 200: Type.String() } } }, request => request.body.name)
    scope.get('/broken', { schema: { tags: ['example'], summary: 'A bug', response: { 200: Type.String() } } }, () => { throw new Error('password=secret') })
  }) satisfies FastifyPluginAsyncTypebox)
  return app
}

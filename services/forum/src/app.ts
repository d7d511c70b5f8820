import { createService, type Service } from '@outfitters/service-kit'
import type { FastifyBaseLogger } from 'fastify'
import type { ForumConfig } from './config.ts'
import { healthRoutes } from './routes/health.ts'
import { userRoutes } from './routes/users.ts'

/** The forum service: the users, from a public API outside the mesh or from built-in data. */
export function buildApp (config: ForumConfig, { logger }: { logger: FastifyBaseLogger }): Service {
  const app = createService(config, {
    name: 'forum',
    description: 'The users of the store.',
    logger,
    isBusinessPath: path => path.startsWith('/api/users')
  })

  app.register(healthRoutes)
  app.register(userRoutes, config)
  return app
}

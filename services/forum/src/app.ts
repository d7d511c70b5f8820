import { createService, type Service, type Telemetry } from '@outfitters/service-kit'
import type { FastifyBaseLogger } from 'fastify'
import type { ForumConfig } from './config.ts'
import { healthRoutes } from './routes/health.ts'
import { userRoutes } from './routes/users.ts'

/** What the forum needs besides its configuration. */
export interface ForumDependencies {
  logger: FastifyBaseLogger
  /** undefined turns tracing off */
  telemetry?: Telemetry | undefined
}

/** The forum service: the users, from a public API outside the mesh or from built-in data. */
export function buildApp (config: ForumConfig, { logger, telemetry }: ForumDependencies): Service {
  const app = createService(config, {
    name: 'forum',
    description: 'The users of the store.',
    logger,
    telemetry,
    isBusinessPath: path => path.startsWith('/api/users')
  })

  app.register(healthRoutes)
  app.register(userRoutes, config)
  return app
}

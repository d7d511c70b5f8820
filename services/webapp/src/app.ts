import { createService, MAX_FORWARDED_HEADER_BYTES, type Service, type Telemetry } from '@outfitters/service-kit'
import type { FastifyBaseLogger } from 'fastify'
import { clients } from './clients/plugin.ts'
import type { WebappConfig } from './config.ts'
import { assetRoutes } from './routes/assets.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { chaosRoutes } from './routes/chaos.ts'
import { healthRoutes } from './routes/health.ts'
import { pageRoutes } from './routes/page.ts'
import { userRoutes } from './routes/users.ts'

/** What the webapp needs besides its configuration. */
export interface WebappDependencies {
  logger: FastifyBaseLogger
  /** undefined turns tracing off */
  telemetry?: Telemetry | undefined
}

/** The webapp service: the store's page, and the API that clients outside the mesh call. */
export function buildApp (config: WebappConfig, { logger, telemetry }: WebappDependencies): Service {
  const app = createService(config, {
    name: 'webapp',
    description: "The store's page, and the API that clients outside the mesh call.",
    logger,
    telemetry,
    maxHeaderBytes: MAX_FORWARDED_HEADER_BYTES,
    isBusinessPath: path => path.startsWith('/api/')
  })

  app.register(clients, config)
  app.register(healthRoutes)
  app.register(catalogRoutes)
  app.register(userRoutes)
  app.register(chaosRoutes, config)
  app.register(assetRoutes)
  app.register(pageRoutes, config)
  return app
}

import { createService, type Service, type Telemetry } from '@outfitters/service-kit'
import type { FastifyBaseLogger } from 'fastify'
import { Catalog } from './catalog.ts'
import type { CatalogConfig } from './config.ts'
import { imageUrls } from './images.ts'
import { homeRoutes } from './routes/home.ts'
import { itemRoutes } from './routes/items.ts'

/** What the catalog needs besides its configuration. */
export interface CatalogDependencies {
  logger: FastifyBaseLogger
  /** undefined turns tracing off */
  telemetry?: Telemetry | undefined
}

/** The catalog service: the items that the store sells, with images in version 2. */
export function buildApp (config: CatalogConfig, { logger, telemetry }: CatalogDependencies): Service {
  const app = createService(config, {
    name: 'catalog',
    description: 'The items that the store sells.',
    logger,
    telemetry,
    isBusinessPath: path => path.includes('items')
  })

  app.register(homeRoutes)
  app.register(itemRoutes, {
    prefix: '/items',
    catalog: new Catalog(),
    imageOf: config.SHOW_IMAGE ? imageUrls(config.IMAGE_URL) : undefined
  })
  return app
}

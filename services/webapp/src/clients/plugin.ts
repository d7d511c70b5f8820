import { Upstream } from '@outfitters/service-kit/upstream'
import fp from 'fastify-plugin'
import type { WebappConfig } from '../config.ts'
import { CatalogClient } from './catalog.ts'
import { FaultsClient } from './faults.ts'
import { ForumClient } from './forum.ts'

declare module 'fastify' {
  interface FastifyInstance {
    catalog: CatalogClient
    forum: ForumClient
    /** The faults in the pods of each upstream. */
    faults: Record<'catalog' | 'forum', FaultsClient>
  }
}

/** The upstreams of the webapp, one pool of connections each. */
export const clients = fp<WebappConfig>(async (app, config) => {
  const timeoutMs = config.UPSTREAM_TIMEOUT_MS
  const catalog = new Upstream({ name: 'catalog', origin: `http://${config.CATALOG_SERVICE_HOST}:${config.CATALOG_SERVICE_PORT}`, timeoutMs, metrics: app.metrics })
  const forum = new Upstream({ name: 'forum', origin: `http://${config.FORUM_SERVICE_HOST}:${config.FORUM_SERVICE_PORT}`, timeoutMs, metrics: app.metrics })
  app.decorate('catalog', new CatalogClient(catalog))
  app.decorate('forum', new ForumClient(forum))
  app.decorate('faults', { catalog: new FaultsClient(catalog), forum: new FaultsClient(forum) })
  app.addHook('onClose', () => Promise.all([catalog.close(), forum.close()]))
}, { name: 'clients' })

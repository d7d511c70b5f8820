import { originOf } from '@outfitters/service-kit'
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
    /** Clients for the faults in the pods of each upstream. */
    faults: Record<'catalog' | 'forum', FaultsClient>
  }
}

/** Clients of the webapp's upstreams. Each upstream has one pool of connections. */
export const clients = fp<WebappConfig>(async (app, config) => {
  const connect = (name: string, host: string, port: number) => new Upstream({
    name,
    origin: originOf(host, port),
    trust: 'inside',
    timeoutMs: config.UPSTREAM_TIMEOUT_MS,
    metrics: app.metrics
  })
  const catalog = connect('catalog', config.CATALOG_SERVICE_HOST, config.CATALOG_SERVICE_PORT)
  const forum = connect('forum', config.FORUM_SERVICE_HOST, config.FORUM_SERVICE_PORT)
  app.decorate('catalog', new CatalogClient(catalog))
  app.decorate('forum', new ForumClient(forum))
  app.decorate('faults', { catalog: new FaultsClient(catalog), forum: new FaultsClient(forum) })
  app.addHook('onClose', () => Promise.all([catalog.close(), forum.close()]))
}, { name: 'clients' })

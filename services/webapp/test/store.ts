// The whole store on free ports of this machine, for tests in a browser and for the screenshots.
import { request as call, type IncomingMessage, type RequestListener } from 'node:http'
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import { buildApp as buildForum } from '@outfitters/forum/app'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { buildApp } from '../src/app.ts'
import { WebappConfig } from '../src/config.ts'

export interface StoreOptions {
  /** CHAOS_ACCESS of the webapp, and of the catalogs and the forum */
  access?: 'any' | 'local' | 'off'
  behind?: 'any' | 'local' | 'off'
  /** the webapp is reached through a proxy that takes this off each path, as in /team-a */
  prefix?: string
  names?: { v1: string, v2: string, forum: string, webapp: string }
}

export type Store = Awaited<ReturnType<typeof startStore>>

const NAMES = { v1: 'catalog-v1', v2: 'catalog-v2', forum: 'forum-1', webapp: 'webapp-1' }

/** Both catalogs behind a stand-in for the mesh, the forum and the webapp. */
export async function startStore ({ access = 'any', behind = access, prefix = '', names = NAMES }: StoreOptions = {}) {
  const closers: (() => Promise<unknown>)[] = []
  const catalogs = {} as Record<'v1' | 'v2', string>
  for (const version of ['v1', 'v2'] as const) {
    const catalog = buildCatalog(resolveVersion(parseConfig(CatalogEnv, { HOSTNAME: names[version], SERVICE_VERSION: version, CHAOS_ACCESS: behind, CHAOS_SEED: 'page' })), { logger: silentLogger })
    catalogs[version] = await listen(catalog)
    closers.push(() => catalog.close())
  }
  const forum = buildForum(parseConfig(ForumConfig, { HOSTNAME: names.forum, LOCAL_USERS: 'true', CHAOS_ACCESS: behind }), { logger: silentLogger })
  closers.push(() => forum.close())

  const turns = { traffic: 0, faults: 0 } // of their own, so that what asks for faults does not bend the split
  const mesh = {
    /** which version a request goes to; none is a refused connection */
    route: ({ url }: IncomingMessage): 'v1' | 'v2' | undefined => turns[url === '/blowup' ? 'faults' : 'traffic']++ % 2 === 0 ? 'v1' : 'v2',
    /** more tries after a 5xx */
    retries: 0
  }
  const catalog = await stubUpstream((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', piece => pieces.push(piece)).on('end', () => attempt(1))

    const attempt = (n: number): void => {
      const version = mesh.route(request)
      if (version === undefined) {
        response.writeHead(503).end('no healthy upstream')
        return
      }
      const upstream = call(catalogs[version] + request.url, { method: `${request.method}`, headers: { ...request.headers, ...(mesh.retries > 0 && { 'x-envoy-attempt-count': String(n) }) } }, answer => {
        if (answer.statusCode !== undefined && answer.statusCode >= 500 && n <= mesh.retries) {
          answer.resume()
          return attempt(n + 1)
        }
        answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
      })
      upstream.on('error', () => response.headersSent ? response.destroy() : response.writeHead(503).end('upstream connect error'))
      upstream.end(Buffer.concat(pieces))
    }
  })
  closers.push(catalog.close)

  const webapp = buildApp(parseConfig(WebappConfig, {
    HOSTNAME: names.webapp,
    CHAOS_ACCESS: access,
    CATALOG_SERVICE_HOST: '127.0.0.1',
    CATALOG_SERVICE_PORT: String(catalog.port),
    FORUM_SERVICE_HOST: '127.0.0.1',
    FORUM_SERVICE_PORT: new URL(await listen(forum)).port
  }), { logger: silentLogger })
  closers.push(() => webapp.close())
  const origin = await listen(webapp)
  const proxy = prefix === '' ? undefined : await stubUpstream(without(prefix, origin))
  if (proxy !== undefined) closers.push(proxy.close)

  /** Sets a fault in a catalog. */
  const set = async (version: 'v1' | 'v2', rule: object) => {
    const { ok } = await fetch(`${catalogs[version]}/blowup`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) })
    if (!ok) throw new Error('the rule was refused')
  }
  return {
    /** where the page is */
    url: `${proxy?.origin ?? origin}${prefix}/`,
    mesh,
    set,
    close: async () => { for (const close of closers.reverse()) await close() }
  }
}

/** A proxy that takes a prefix off each path, and has nothing beside it. */
function without (prefix: string, origin: string): RequestListener {
  return (request, response) => {
    if (request.url?.startsWith(`${prefix}/`) !== true) {
      response.writeHead(404).end('beside the prefix')
      return
    }
    request.pipe(call(origin + request.url.slice(prefix.length), { method: `${request.method}`, headers: request.headers }, answer => {
      answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
    }))
  }
}

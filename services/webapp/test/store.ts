// Starts the whole store on free ports of this machine, for tests in a browser and for the screenshots.
import { request as call, type IncomingMessage, type RequestListener } from 'node:http'
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import { buildApp as buildForum } from '@outfitters/forum/app'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { buildApp } from '../src/app.ts'
import { WebappConfig } from '../src/config.ts'
import type { ChaosAccess } from '../src/page/fault-controls.ts'

type Version = 'v1' | 'v2'

export interface StoreOptions {
  /** CHAOS_ACCESS of the webapp */
  access?: ChaosAccess
  /** CHAOS_ACCESS of the catalogs and the forum */
  upstreamAccess?: ChaosAccess
  /** the namespace of the webapp, as in a cluster */
  namespace?: string
  /** puts a proxy before the webapp that removes this prefix from each path, such as /team-a */
  prefix?: string
  /** the names of the pods */
  names?: { v1: string, v2: string, forum: string, webapp: string }
}

export type Store = Awaited<ReturnType<typeof startStore>>

const NAMES = { v1: 'catalog-v1', v2: 'catalog-v2', forum: 'forum-1', webapp: 'webapp-1' }

/** Starts two catalogs behind a stand-in for the mesh, the forum and the webapp. */
export async function startStore (options: StoreOptions = {}) {
  const { access = 'any', upstreamAccess = access, namespace, prefix = '', names = NAMES } = options
  const closers: (() => Promise<unknown>)[] = []
  const catalogs = {} as Record<Version, string>
  for (const version of ['v1', 'v2'] as const) {
    const env = { HOSTNAME: names[version], SERVICE_VERSION: version, CHAOS_ACCESS: upstreamAccess, CHAOS_SEED: 'page' }
    const catalog = buildCatalog(resolveVersion(parseConfig(CatalogEnv, env)), { logger: silentLogger })
    catalogs[version] = await listen(catalog)
    closers.push(() => catalog.close())
  }
  const forumEnv = { HOSTNAME: names.forum, LOCAL_USERS: 'true', CHAOS_ACCESS: upstreamAccess }
  const forum = buildForum(parseConfig(ForumConfig, forumEnv), { logger: silentLogger })
  const forumOrigin = await listen(forum)
  closers.push(() => forum.close())

  // Counted apart, so that calls for faults do not change the split of the traffic.
  const turns = { traffic: 0, faults: 0 }
  const mesh = {
    /** the version that a request goes to; undefined answers 503 */
    route: ({ url }: IncomingMessage): Version | undefined => {
      const turn = turns[url === '/blowup' ? 'faults' : 'traffic']++
      return turn % 2 === 0 ? 'v1' : 'v2'
    },
    /** how often a request is retried after a 5xx */
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
      const headers = { ...request.headers, ...(mesh.retries > 0 && { 'x-envoy-attempt-count': String(n) }) }
      const upstream = call(catalogs[version] + request.url, { method: `${request.method}`, headers }, answer => {
        if (answer.statusCode !== undefined && answer.statusCode >= 500 && n <= mesh.retries) {
          answer.resume()
          return attempt(n + 1)
        }
        answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
      })
      upstream.on('error', () => {
        if (response.headersSent) response.destroy()
        else response.writeHead(503).end('upstream connect error')
      })
      upstream.end(Buffer.concat(pieces))
    }
  })
  closers.push(catalog.close)

  const startWebapp = async (port: number) => {
    const app = buildApp(parseConfig(WebappConfig, {
      HOSTNAME: names.webapp,
      POD_NAMESPACE: namespace,
      CHAOS_ACCESS: access,
      CATALOG_SERVICE_HOST: '127.0.0.1',
      CATALOG_SERVICE_PORT: String(catalog.port),
      FORUM_SERVICE_HOST: '127.0.0.1',
      FORUM_SERVICE_PORT: new URL(forumOrigin).port
    }), { logger: silentLogger })
    return { app, origin: await app.listen({ port, host: '127.0.0.1' }) }
  }
  let webapp = await startWebapp(0)
  closers.push(() => webapp.app.close())
  const { origin } = webapp
  const origins = { ...catalogs, forum: forumOrigin }
  const proxy = prefix === '' ? undefined : await stubUpstream(stripPrefix(prefix, origin))
  if (proxy !== undefined) closers.push(proxy.close)

  /** Sets a fault in a catalog or in the forum; throws if it refuses the rule. */
  const set = async (service: Version | 'forum', rule: object) => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(rule)
    const answer = await fetch(`${origins[service]}/blowup`, { method: 'POST', headers, body })
    if (!answer.ok) throw new Error(`${service} refused the rule ${body}: ${await answer.text()}`)
  }
  return {
    /** the address of the page */
    url: `${proxy?.origin ?? origin}${prefix}/`,
    mesh,
    set,
    /** Deletes all faults. */
    heal: async () => {
      for (const origin of Object.values(origins)) await fetch(`${origin}/blowup`, { method: 'DELETE' })
    },
    /** Ends the webapp. */
    killWebapp: () => webapp.app.close(),
    /** Starts the webapp again, at the same address. */
    restartWebapp: async () => { webapp = await startWebapp(Number(new URL(origin).port)) },
    close: async () => { for (const close of closers.reverse()) await close() }
  }
}

/** A proxy that removes a prefix from each path, and answers 404 to all other paths. */
function stripPrefix (prefix: string, origin: string): RequestListener {
  return (request, response) => {
    if (request.url?.startsWith(`${prefix}/`) !== true) {
      response.writeHead(404).end('not below the prefix')
      return
    }
    const options = { method: `${request.method}`, headers: request.headers }
    request.pipe(call(origin + request.url.slice(prefix.length), options, answer => {
      answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
    }))
  }
}

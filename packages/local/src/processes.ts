import { fileURLToPath } from 'node:url'

/** One process of the store on this machine. */
export interface StoreProcess {
  name: string
  /** relative to the root of the project */
  script: string
  port: number
  env: Record<string, string>
}

/** The root of the project. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Everything listens here: what runs on a laptop is not for its network. */
export const HOST = '127.0.0.1'

/** The store as `npm start` runs it: both catalogs behind a front, the forum with built-in users, and the webapp. */
export const STORE: StoreProcess[] = [
  {
    name: 'catalog-v1',
    script: 'services/catalog/src/server.ts',
    port: 3001,
    env: { SERVICE_VERSION: 'v1', SHOW_IMAGE: 'false', CHAOS_ACCESS: 'any' }
  },
  {
    name: 'catalog-v2',
    script: 'services/catalog/src/server.ts',
    port: 3002,
    env: { SERVICE_VERSION: 'v2', SHOW_IMAGE: 'true', CHAOS_ACCESS: 'any' }
  },
  {
    name: 'catalog',
    script: 'packages/local/src/front-server.ts',
    port: 3000,
    env: { UPSTREAMS: `http://${HOST}:3001,http://${HOST}:3002` }
  },
  {
    name: 'forum',
    script: 'services/forum/src/server.ts',
    port: 8081,
    env: { LOCAL_USERS: 'true', CHAOS_ACCESS: 'any' }
  },
  {
    name: 'webapp',
    script: 'services/webapp/src/server.ts',
    port: 8080,
    env: { CATALOG_SERVICE_HOST: HOST, CATALOG_SERVICE_PORT: '3000', FORUM_SERVICE_HOST: HOST, FORUM_SERVICE_PORT: '8081', CHAOS_ACCESS: 'any' }
  }
]

/** The whole environment of a process: what the user set (LOG_LEVEL, CHAOS_SEED, OTEL_* …) under what the store needs. */
export function environmentOf ({ name, port, env }: StoreProcess): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: `${ROOT}node_modules/.cache/compile`, ...process.env, ...env, PORT: String(port), HOST, HOSTNAME: name }
}

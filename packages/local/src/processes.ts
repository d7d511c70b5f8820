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

/** The ports of the store, and the variables that move them. */
const PORTS = {
  'catalog-v1': { variable: 'CATALOG_V1_PORT', usual: 3001 },
  'catalog-v2': { variable: 'CATALOG_V2_PORT', usual: 3002 },
  catalog: { variable: 'CATALOG_PORT', usual: 3000 },
  forum: { variable: 'FORUM_PORT', usual: 8081 },
  webapp: { variable: 'WEBAPP_PORT', usual: 8080 }
} as const

type Name = keyof typeof PORTS

/** Where each of the store's processes listens. */
export type Ports = Record<Name, number>

/** The variable that moves a process to another port. */
export function variableOf (name: string): string {
  return PORTS[name as Name].variable
}

/**
 * The ports from the environment. A process whose variable is not set gets its usual port.
 *
 * @throws {Error} that names every mistake: values that are not ports, and two processes on one port
 */
export function portsFrom (env: NodeJS.ProcessEnv): Ports {
  const mistakes: string[] = []
  const names = Object.keys(PORTS) as Name[]
  const ports = Object.fromEntries(names.map(name => {
    const { variable, usual } = PORTS[name]
    const value = env[variable] ?? ''
    if (value === '') return [name, usual]
    const port = /^\d{1,5}$/.test(value) ? Number(value) : 0
    if (port < 1 || port > 65535) mistakes.push(`${variable} must be a port from 1 to 65535, but is '${value}'`)
    return [name, port]
  })) as Ports
  for (const [index, name] of names.entries()) {
    const other = names.slice(0, index).find(earlier => ports[earlier] === ports[name] && ports[name] !== 0)
    if (other !== undefined) mistakes.push(`${name} and ${other} cannot both listen on ${ports[name]}: set ${PORTS[name].variable} or ${PORTS[other].variable} to another port`)
  }
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return ports
}

/** The store as `npm start` runs it: both catalogs behind a front, the forum with built-in users, and the webapp. */
export function storeOn (ports: Ports): StoreProcess[] {
  return [
    {
      name: 'catalog-v1',
      script: 'services/catalog/src/server.ts',
      port: ports['catalog-v1'],
      env: { SERVICE_VERSION: 'v1', SHOW_IMAGE: 'false', CHAOS_ACCESS: 'any' }
    },
    {
      name: 'catalog-v2',
      script: 'services/catalog/src/server.ts',
      port: ports['catalog-v2'],
      env: { SERVICE_VERSION: 'v2', SHOW_IMAGE: 'true', CHAOS_ACCESS: 'any' }
    },
    {
      name: 'catalog',
      script: 'packages/local/src/front-server.ts',
      port: ports.catalog,
      env: { UPSTREAMS: `http://${HOST}:${ports['catalog-v1']},http://${HOST}:${ports['catalog-v2']}` }
    },
    {
      name: 'forum',
      script: 'services/forum/src/server.ts',
      port: ports.forum,
      env: { LOCAL_USERS: 'true', CHAOS_ACCESS: 'any' }
    },
    {
      name: 'webapp',
      script: 'services/webapp/src/server.ts',
      port: ports.webapp,
      env: {
        CATALOG_SERVICE_HOST: HOST,
        CATALOG_SERVICE_PORT: String(ports.catalog),
        FORUM_SERVICE_HOST: HOST,
        FORUM_SERVICE_PORT: String(ports.forum),
        CHAOS_ACCESS: 'any'
      }
    }
  ]
}

/** The whole environment of a process: what the user set (LOG_LEVEL, CHAOS_SEED, OTEL_* …) under what the store needs. */
export function environmentOf ({ name, port, env }: StoreProcess): NodeJS.ProcessEnv {
  return { ...process.env, ...env, PORT: String(port), HOST, HOSTNAME: name }
}

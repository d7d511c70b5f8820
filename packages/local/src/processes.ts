/** One process of the store on this machine. */
export interface StoreProcess {
  name: string
  /** the file that Node runs, relative to the root of the project */
  script: string
  port: number
  env: Record<string, string>
  /** what `npm start` says about the process when the store runs */
  about: string
}

/** All processes listen only on this address, so that other machines cannot reach them. */
export const HOST = '127.0.0.1'

/** The usual ports of the processes, and the environment variables that set other ports. */
const PORTS = {
  webapp: { variable: 'WEBAPP_PORT', usual: 8080 },
  catalog: { variable: 'CATALOG_PORT', usual: 3000 },
  'catalog-v1': { variable: 'CATALOG_V1_PORT', usual: 3001 },
  'catalog-v2': { variable: 'CATALOG_V2_PORT', usual: 3002 },
  forum: { variable: 'FORUM_PORT', usual: 8081 }
} as const

type Name = keyof typeof PORTS

/** The port that each process listens on. */
export type Ports = Record<Name, number>

/** The environment variable that sets the port of a process. */
export function variableOf (name: string): string {
  return PORTS[name as Name].variable
}

/**
 * Reads the ports from the environment. A process whose variable is not set gets its usual port.
 *
 * @throws {Error} with one line for each mistake: a value that is not a port, or two processes with the same port
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
    if (other === undefined) continue
    mistakes.push(`${other} and ${name} cannot both listen on port ${ports[name]}: ` +
      `set ${variableOf(other)} or ${variableOf(name)} to another port`)
  }
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return ports
}

/**
 * The processes of the store for `npm start`. A front distributes requests over both versions of the catalog, and the
 * forum answers with built-in users.
 */
export function storeOn (ports: Ports): StoreProcess[] {
  return [
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
      },
      about: 'the page, and /api/catalog'
    },
    {
      name: 'catalog',
      script: 'packages/local/src/front-server.ts',
      port: ports.catalog,
      env: { UPSTREAMS: `http://${HOST}:${ports['catalog-v1']},http://${HOST}:${ports['catalog-v2']}` },
      about: 'the front, which calls v1 and v2 in turn'
    },
    {
      name: 'catalog-v1',
      script: 'services/catalog/src/server.ts',
      port: ports['catalog-v1'],
      env: { SERVICE_VERSION: 'v1', SHOW_IMAGE: 'false', CHAOS_ACCESS: 'any' },
      about: '/items'
    },
    {
      name: 'catalog-v2',
      script: 'services/catalog/src/server.ts',
      port: ports['catalog-v2'],
      env: { SERVICE_VERSION: 'v2', SHOW_IMAGE: 'true', CHAOS_ACCESS: 'any' },
      about: '/items, with images'
    },
    {
      name: 'forum',
      script: 'services/forum/src/server.ts',
      port: ports.forum,
      env: { LOCAL_USERS: 'true', CHAOS_ACCESS: 'any' },
      about: '/api/users'
    }
  ]
}

/** The environment of a process: the user's (LOG_LEVEL, CHAOS_SEED, OTEL_* …), and over it the values of the store. */
export function environmentOf ({ name, port, env }: StoreProcess): NodeJS.ProcessEnv {
  return { ...process.env, ...env, PORT: String(port), HOST, HOSTNAME: name }
}

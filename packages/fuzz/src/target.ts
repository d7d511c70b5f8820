import { endInWords, Store } from '../../local/src/store.ts'
import { HOST, storeOn, type StoreProcess } from '../../local/src/processes.ts'
import { freeStorePorts } from '../../local/src/ports.ts'

/** A service under attack. */
export interface Target {
  name: string
  port: number
  /** a path that is answered with 200 if the service works */
  path: string
  /** a path that reads a body */
  bodyPath: string
}

const PATHS: Record<string, Pick<Target, 'path' | 'bodyPath'>> = {
  webapp: { path: '/api/catalog/items/1', bodyPath: '/api/catalog/items' },
  'catalog-v2': { path: '/items/1', bodyPath: '/items' },
  forum: { path: '/api/users', bodyPath: '/blowup' }
}

/** Below the limit of the manifests, so that a service that needs too much memory ends here too. */
const HEAP_MEBIBYTES = 192

/** Processes that run for the attacks, and what they reported. */
export interface Running {
  targets: Target[]
  /** A line for each error that a service logged, and for each process that ended. */
  complaints: string[]
  stop: () => Promise<void>
}

/** Starts the store as `npm start` does, on free ports. */
export async function startTargets (): Promise<Running> {
  const processes = storeOn(await freeStorePorts())
  const targets = processes.flatMap(({ name, port }) => PATHS[name] ? [{ name, port, ...PATHS[name] }] : [])
  return await startProcesses(processes, targets)
}

/**
 * Starts processes with little memory, and waits until they are ready. They log only errors.
 *
 * @throws {Error} if one of them is not ready within two minutes
 */
export async function startProcesses (processes: StoreProcess[], targets: Target[]): Promise<Running> {
  const complaints: string[] = []
  const env = { LOG_LEVEL: 'error', NODE_OPTIONS: `--max-old-space-size=${HEAP_MEBIBYTES}`, CHAOS_SEED: '1' }
  const store = new Store(processes.map(process => ({ ...process, env: { ...process.env, ...env } })), {
    onLine: (name, line) => {
      if (/"level":"(error|fatal)"/.test(line) || !line.startsWith('{')) complaints.push(`${name} logged ${line}`)
    },
    onEnd: end => complaints.push(endInWords(end))
  })
  const stop = () => store.stop()
  try {
    await store.waitUntilReady()
  } catch (error) {
    await stop()
    throw error
  }
  return { targets, complaints, stop }
}

/** Removes the faults and the log level that an attack may have set. */
export async function reset ({ port }: Target): Promise<void> {
  const origin = `http://${HOST}:${port}`
  const body = JSON.stringify({ level: 'error' })
  await fetch(`${origin}/blowup`, { method: 'DELETE' })
  await fetch(`${origin}/log-level`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
}

/** How long a service may take for an answer while it is attacked; milliseconds. */
const ANSWER_LIMIT_MS = 20_000

/** Calls a service as a well-behaved client. Returns a complaint, unless the answer is a 200 in time. */
export async function complaintsAbout ({ name, port, path }: Target): Promise<string[]> {
  try {
    const answer = await fetch(`http://${HOST}:${port}${path}`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
    return answer.status === 200 ? [] : [`${name} answers ${path} with ${answer.status}: ${await answer.text()}`]
  } catch (error) {
    return [`${name} does not answer ${path}: ${String((error as Error).cause ?? error)}`]
  }
}

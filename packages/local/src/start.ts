import { styleText } from 'node:util'
import { prettifier } from '@outfitters/service-kit/pretty'
import { isTaken, listenerOn } from './ports.ts'
import { HOST, portsFrom, storeOn, variableOf, type Ports } from './processes.ts'
import { Store, type End } from './store.ts'

const COLOURS = ['cyan', 'magenta', 'blue', 'yellow', 'green'] as const

const bannerFor = (ports: Ports) => `
  Outfitters is running.

    webapp    http://localhost:${ports.webapp}   the page, and /api/catalog
    catalog   http://localhost:${ports.catalog}   v1 (on ${ports['catalog-v1']}) and v2 (on ${ports['catalog-v2']}) by turns
    forum     http://localhost:${ports.forum}   /api/users

  Try
    curl localhost:${ports.webapp}/api/catalog/items/1
    curl -X POST -H 'content-type: application/json' -d '{"type":"500","percentage":50}' localhost:${ports['catalog-v1']}/blowup
    curl -i localhost:${ports.webapp}/api/catalog

  Each service has its documentation below /docs. Ctrl-C ends all.
`

process.exitCode = await main()

/** Runs the store until it is told to end (0) or one of its processes ends by itself (1). */
async function main (): Promise<number> {
  let ports: Ports
  try {
    ports = portsFrom(process.env)
  } catch (error) {
    console.error(`The store cannot start:\n${(error as Error).message.replaceAll(/^/gm, '  ')}`)
    return 1
  }
  const processes = storeOn(ports)
  const problems = (await Promise.all(processes.map(({ name, port }) => problemWith(name, port)))).flat()
  if (problems.length > 0) {
    console.error(`The store cannot start:\n  ${problems.join('\n  ')}`)
    return 1
  }

  const started: { store?: Store } = {}
  // Set up before anything is started: otherwise an early signal would end only this process.
  const told = new Promise<'told'>(resolve => {
    let times = 0
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // A second signal kills the processes. This process handles every further one, because the same signal can come
      // from the terminal, from npm's shell and from scripts/install.mjs.
      process.on(signal, () => {
        times++
        if (times === 1) resolve('told')
        else started.store?.stop('SIGKILL')
      })
    }
  })

  const prettify = prettifier(process.stdout.hasColors?.() === true)
  const width = Math.max(...processes.map(({ name }) => name.length))
  const prefixes = new Map(processes.map(({ name }, index) => [name, styleText(COLOURS[index] ?? 'white', `${name.padEnd(width)} |`)]))
  const store = new Store(processes, (name, line) => console.log(prefixes.get(name), prettify(line).trimEnd()))
  started.store = store

  const first = await Promise.race([told, store.firstEnd, store.ready().then(() => 'ready' as const, (error: Error) => error)])
  if (first === 'ready') console.log(bannerFor(ports))
  const reason = first === 'ready' ? await Promise.race([told, store.firstEnd]) : first
  if (reason !== 'told') console.error(`${reason instanceof Error ? reason.message : describe(reason)}; ending the others`)
  await store.stop()
  return reason === 'told' ? 0 : 1
}

/** What is wrong with a port, and what to do about it; empty if the port is free. */
async function problemWith (name: string, port: number): Promise<string[]> {
  const move = `set ${variableOf(name)} to another port`
  try {
    if (!await isTaken(port, HOST)) return []
  } catch (error) {
    return [`port ${port}, where ${name} would listen, cannot be used (${(error as NodeJS.ErrnoException).code}): ${move}`]
  }
  const listener = await listenerOn(port)
  const by = listener === undefined ? '' : ` by ${listener.command} (process ${listener.pid})`
  return [`port ${port}, where ${name} would listen, is taken${by}: end the process that listens there, or ${move}`]
}

function describe ({ name, code, signal }: End): string {
  return `${name} ended by itself (${signal ?? `exit code ${code}`})`
}

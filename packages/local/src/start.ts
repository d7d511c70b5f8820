import { styleText } from 'node:util'
import { prettifier } from '@outfitters/service-kit/pretty'
import { readLines, runCommand, shortNameOf, type Lines } from './commands.ts'
import { isTaken, listenerOn } from './ports.ts'
import { HOST, portsFrom, storeOn, variableOf, type Ports, type StoreProcess } from './processes.ts'
import { endInWords, Store, type End } from './store.ts'

const COLORS = ['cyan', 'magenta', 'blue', 'yellow', 'green'] as const

process.exitCode = await main()

/**
 * Runs the store until it is told to end (exit code 0). If a process ends before all are ready, the store ends too
 * (exit code 1). Later, a process that ends does not end the others, and the user can start it again.
 */
async function main (): Promise<number> {
  let ports: Ports
  try {
    ports = portsFrom(process.env)
  } catch (error) {
    console.error(`The store cannot start:\n${(error as Error).message.replaceAll(/^/gm, '  ')}`)
    return 1
  }
  const processes = storeOn(ports)
  const problems = (await Promise.all(processes.map(({ name, port }) => problemsOf(name, port)))).flat()
  if (problems.length > 0) {
    console.error(`The store cannot start:\n  ${problems.join('\n  ')}`)
    return 1
  }

  const started: { store?: Store } = {}
  // The signal handlers come first: otherwise an early signal would end only this process, and not the others.
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
  const prefixes = prefixesOf(processes)
  const failed = Promise.withResolvers<End>()
  let lines: Lines | undefined
  const store = new Store(processes, {
    onLine: (name, line) => console.log(prefixes.get(name), prettify(line).trimEnd()),
    onEnd: end => lines === undefined ? failed.resolve(end) : say(adviceFor(end, lines))
  })
  started.store = store

  const ready = store.waitUntilReady().then(() => 'ready' as const, (error: Error) => error)
  const first = await Promise.race([told, failed.promise, ready])
  if (first === 'ready') {
    lines = readLines(line => say(runCommand(line, store)))
    console.log(bannerFor(processes, ports))
    await told
    lines.close()
  } else if (first !== 'told') {
    console.error(`${first instanceof Error ? first.message : endInWords(first)}; ending the others`)
  }
  await store.stop()
  return first === 'ready' || first === 'told' ? 0 : 1
}

/** What is wrong with a port, and what to do about it. Empty if the port is free. */
async function problemsOf (name: string, port: number): Promise<string[]> {
  const advice = `set ${variableOf(name)} to another port`
  try {
    if (!await isTaken(port, HOST)) return []
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return [`port ${port} for ${name} cannot be used (${code}): ${advice}`]
  }
  const listener = await listenerOn(port)
  const by = listener === undefined ? '' : ` by ${listener.command} (process ${listener.pid})`
  return [`port ${port} for ${name} is taken${by}: end the process that listens on it, or ${advice}`]
}

/** The colored names that stand before the lines of each process. */
function prefixesOf (processes: StoreProcess[]): Map<string, string> {
  const width = Math.max(...processes.map(({ name }) => name.length))
  return new Map(processes.map(({ name }, index) =>
    [name, styleText(COLORS[index % COLORS.length] ?? 'white', `${name.padEnd(width)} |`)]))
}

function bannerFor (processes: StoreProcess[], ports: Ports): string {
  const rows = processes.map(({ name, port, about }) => `    ${name.padEnd(12)}http://localhost:${port}   ${about}`)
  const rule = '\'{"type":"500","percentage":50}\''
  return `
  Outfitters is running.

${rows.join('\n')}

  Try
    curl localhost:${ports.webapp}/api/catalog/items/1
    curl -X POST -H 'content-type: application/json' -d ${rule} localhost:${ports['catalog-v1']}/blowup
    curl -i localhost:${ports.webapp}/api/catalog

  To kill catalog v1, type: kill v1. To start it again, type: start v1. To see all commands, type: help
  The documentation of each service is at /docs. Ctrl-C ends the store.
`
}

/** What to do about a process that ended while the others run. */
function adviceFor (end: End, lines: Lines): string {
  const advice = lines.isReading() ? `type: start ${shortNameOf(end.name)}` : 'end the store and run npm start again'
  return `${endInWords(end)}. The others are still running. To start it, ${advice}`
}

function say (text: string): void {
  if (text !== '') console.log(styleText('bold', text))
}

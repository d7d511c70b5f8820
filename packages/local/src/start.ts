import { styleText } from 'node:util'
import { prettifier } from '@outfitters/service-kit/pretty'
import { isTaken } from './ports.ts'
import { HOST, STORE } from './processes.ts'
import { Store, type End } from './store.ts'

const COLOURS = ['cyan', 'magenta', 'blue', 'yellow', 'green'] as const

const BANNER = `
  Outfitters is running.

    webapp    http://localhost:8080   the page, and /api/catalog
    catalog   http://localhost:3000   v1 (on 3001) and v2 (on 3002) by turns
    forum     http://localhost:8081   /api/users

  Try
    curl localhost:8080/api/catalog/items/1
    curl -X POST -H 'content-type: application/json' -d '{"type":"500","percentage":50}' localhost:3001/blowup
    curl -i localhost:8080/api/catalog

  Each service has its documentation below /docs. Ctrl-C ends all.
`

process.exitCode = await main()

/** Runs the store until it is told to end (0) or one of its processes ends by itself (1). */
async function main (): Promise<number> {
  const taken = (await Promise.all(STORE.map(async ({ name, port }) => await isTaken(port, HOST) ? `port ${port}, where ${name} would listen, is taken` : []))).flat()
  if (taken.length > 0) {
    console.error(`The store cannot start:\n  ${taken.join('\n  ')}\nEnd what listens there (lsof -i :PORT names it), then try again.`)
    return 1
  }

  const prettify = prettifier(process.stdout.hasColors?.() === true)
  const width = Math.max(...STORE.map(({ name }) => name.length))
  const prefixes = new Map(STORE.map(({ name }, index) => [name, styleText(COLOURS[index] ?? 'white', `${name.padEnd(width)} |`)]))
  const store = new Store(STORE, (name, line) => console.log(prefixes.get(name), prettify(line).trimEnd()))

  const told = new Promise<'told'>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        process.once(signal, () => store.stop('SIGKILL')) // told twice: at once
        resolve('told')
      })
    }
  })

  const first = await Promise.race([told, store.firstEnd, store.ready().then(() => 'ready' as const, (error: Error) => error)])
  if (first === 'ready') console.log(BANNER)
  const reason = first === 'ready' ? await Promise.race([told, store.firstEnd]) : first
  if (reason !== 'told') console.error(`${reason instanceof Error ? reason.message : describe(reason)}; ending the others`)
  await store.stop()
  return reason === 'told' ? 0 : 1
}

function describe ({ name, code, signal }: End): string {
  return `${name} ended by itself (${signal ?? `exit code ${code}`})`
}

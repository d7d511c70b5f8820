// npm run soak -- [--minutes NUMBER] [--only TEXT]: attacks the memory of the services in containers with the memory
// limit of the manifests. Then it shows how their memory grows under a load of ten minutes.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Missing } from '../contenders.ts'
import { HOST } from '../measure.ts'
import { LIMIT_MEBIBYTES } from '../rows/memory.ts'
import { aligned } from '../table.ts'
import { ATTACKS, startStore, type Attack } from './attacks.ts'
import { minutesUnderLoad } from './load.ts'

const ATTACK_LIMIT_MS = 20_000
const PROBE_MS = 200
const PROBE_LIMIT_MS = 15_000

const { values: { minutes, only } } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, only: { type: 'string', default: '' } }
})

let failed = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
try {
  await attacks()
  if ('soak'.includes(only)) await soak()
} catch (error) {
  if (!(error instanceof Missing)) throw error
  console.error(`NOT MEASURED: ${error.message}`)
  failed = true
}
process.exit(failed ? 1 : 0)

/** Makes each attack, and shows what it cost and whether others were still answered. */
async function attacks (): Promise<void> {
  const lines = [['attack', 'service', 'most memory', 'answers to others', 'slowest', '']]
  for (const attack of ATTACKS.filter(({ what }) => what.includes(only))) {
    console.error(`Attack: ${attack.what} …`)
    const { service, most, answers, slowestMs, end } = await outcomeOf(attack)
    const isGood = end === undefined && answers.every(answer => answer === 200 || answer === 503)
    failed ||= !isGood
    const counts = [...Map.groupBy(answers, String)].map(([status, all]) => `${all.length} × ${status}`).join(', ')
    const slowest = `${(slowestMs / 1000).toFixed(1)} s`
    lines.push([attack.what, service, `${most.toFixed(0)} MiB`, counts, slowest, end ?? (isGood ? 'ok' : 'FAILED')])
  }
  if (lines.length > 1) console.log(`\n${aligned(lines)}\n`)
}

/** What an attack did to its target. */
interface Outcome {
  service: string
  /** MiB */
  most: number
  /** the statuses that another client got meanwhile, or why it got none */
  answers: (number | string)[]
  slowestMs: number
  /** why the container ended; undefined if it still runs */
  end: string | undefined
}

async function outcomeOf ({ prepare }: Attack): Promise<Outcome> {
  const { target, others, path, run } = await prepare()
  using stack = new DisposableStack()
  for (const other of [target, ...others]) stack.use(other)

  const answers: (number | string)[] = []
  let slowestMs = 0
  const signal = AbortSignal.timeout(ATTACK_LIMIT_MS)
  const attack = run(signal).then(() => true)
  do {
    const start = performance.now()
    answers.push(await statusOf(`http://${HOST}:${target.port}${path}`))
    slowestMs = Math.max(slowestMs, performance.now() - start)
  } while (!await Promise.race([attack, sleep(PROBE_MS, false)]) && target.end() === undefined)
  const { most } = target.memory()
  return { service: target.service, most, answers, slowestMs, end: target.end() }
}

async function statusOf (url: string): Promise<number | string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_LIMIT_MS), headers: { connection: 'close' } })
    await answer.arrayBuffer()
    return answer.status
  } catch (error) {
    const { cause, message } = error as Error
    return (cause as NodeJS.ErrnoException | undefined)?.code ?? message
  }
}

/** Shows the memory of all services, minute by minute. */
async function soak (): Promise<void> {
  using stack = new DisposableStack()
  const containers = Object.values(await startStore())
  for (const container of containers) stack.use(container)
  const lines = [['minute', ...containers.map(({ service }) => service), 'requests', 'not 2xx']]
  const webapp = containers.find(({ service }) => service === 'webapp')
  if (webapp === undefined) throw new Error('the store has no webapp')
  for await (const { minute, requests, failures } of minutesUnderLoad(webapp.port, Number(minutes))) {
    failed ||= failures > 0
    const memory = containers.map(container => `${container.memory().now.toFixed(0)} MiB`)
    lines.push([String(minute), ...memory, String(requests), String(failures)])
    console.error(lines.at(-1)?.join('  '))
  }
  lines.push(['most', ...containers.map(container => `${container.memory().most.toFixed(0)} MiB`)])
  failed ||= containers.some(container => container.end() !== undefined)
  console.log(`\n${aligned(lines)}\n\nThe limit is ${LIMIT_MEBIBYTES} MiB.`)
}

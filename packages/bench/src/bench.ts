import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  answerOf, cpuMicrosecondsPerRequest, HOST, load, median, peakMebibytes, start, type Answer, type Launch, type Server
} from './measure.ts'
import { summaryOf, tableOf, verdictOf, type Measured, type Row } from './table.ts'

const { values: { quick, json } } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false }
  }
})

/** The size of the measurements. With `--quick` they are short and rough, and show only that the benchmark works. */
const SIZE = quick
  ? { rounds: 2, roundsMs: 3_000, requests: 2_000, starts: 1, limitMs: 40_000 }
  : { rounds: 7, roundsMs: 40_000, requests: 30_000, starts: 5, limitMs: 300_000 }
const IDLE_MS = 2_000
const CPU = 'CPU per request'
/** The memory limit in the manifests and the compose file. */
const LIMIT_MEBIBYTES = 256

const CATALOG: Launch = { name: 'catalog', script: 'services/catalog/src/server.ts' }
const FORUM: Launch = { name: 'forum', script: 'services/forum/src/server.ts', env: { LOCAL_USERS: 'true' } }

function webapp (upstream: { port: number }): Launch {
  return {
    name: 'webapp',
    script: 'services/webapp/src/server.ts',
    env: { CATALOG_SERVICE_HOST: HOST, CATALOG_SERVICE_PORT: String(upstream.port) }
  }
}

/** The same service with tracing on. No span is sampled, so it needs no collector. */
function traced ({ name, env, ...launch }: Launch): Launch {
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:9`, OTEL_TRACES_SAMPLER: 'always_off' }
  return { ...launch, name: `${name}-tracing`, env: { ...env, ...tracing } }
}

function bareHttp (answer: Answer): Launch {
  const script = 'packages/bench/src/baselines/http.ts'
  return { name: 'bare node:http', script, env: { ANSWER: JSON.stringify(answer) } }
}

function bareProxy (upstream: Server): Launch {
  const script = 'packages/bench/src/baselines/proxy.ts'
  return { name: 'bare proxy', script, env: { UPSTREAM: `http://${HOST}:${upstream.port}` } }
}

/**
 * The measurements, in their order. Each starts the processes that it needs, and ends them. The rows for tracing
 * compare a service with itself.
 */
const MEASUREMENTS: Record<string, () => Promise<Row[]>> = {
  [`${CPU}, catalog`]: async () => {
    await using catalog = await start(CATALOG)
    await using bare = await start(bareHttp(await answerOf(catalog, '/items')))
    await requireSameAnswer(catalog, bare, '/items', answer => answer)
    return [await cpuRow(`${CPU}, catalog /items`, 2, catalog, bare, '/items')]
  },

  [`${CPU}, webapp`]: async () => {
    await using upstream = await startUpstream()
    await using app = await start(webapp(upstream))
    await using bare = await start(bareProxy(upstream))
    await requireSameAnswer(app, bare, '/api/catalog', ({ body }) => body)
    return [await cpuRow(`${CPU}, webapp /api/catalog`, 1.5, app, bare, '/api/catalog')]
  },

  [`${CPU}, tracing`]: async () => {
    await using upstream = await startUpstream()
    await using catalog = await start(CATALOG)
    await using tracedCatalog = await start(traced(CATALOG))
    await using app = await start(webapp(upstream))
    await using tracedApp = await start(traced(webapp(upstream)))
    return [
      await cpuRow(`${CPU}, catalog /items, tracing on, not sampled`, 1.8, tracedCatalog, catalog, '/items'),
      await cpuRow(`${CPU}, webapp /api/catalog, tracing on, not sampled`, 1.4, tracedApp, app, '/api/catalog')
    ]
  },

  'start to ready': async () => [
    await startRow(CATALOG, 500),
    await startRow(webapp({ port: 1 }), 500), // the webapp calls no upstream when it starts
    await startRow(FORUM, 500),
    await startRow(traced(CATALOG), 1000),
    await startRow(traced(webapp({ port: 1 })), 1000)
  ],

  memory: async () => {
    await using upstream = await startUpstream()
    await using catalog = await start({ ...CATALOG, heapMebibytes: LIMIT_MEBIBYTES })
    await using app = await start({ ...webapp(upstream), heapMebibytes: LIMIT_MEBIBYTES })
    await using forum = await start({ ...FORUM, heapMebibytes: LIMIT_MEBIBYTES })
    await sleep(IDLE_MS)
    const reach = { idle: 110, load: 160 }
    return [
      ...await memoryRows(catalog, '/items', reach),
      ...await memoryRows(app, '/api/catalog', reach),
      ...await memoryRows(forum, '/api/users', reach)
    ]
  }
}

/**
 * The CPU time per request of one server, as a multiple of that of another: the median of rounds in which both take
 * turns.
 */
async function cpuRow (
  what: string, reach: number, subject: Server, baseline: Server, path: string
): Promise<Measured> {
  await load(subject, path, SIZE.requests) // warms up the JIT compiler
  await load(baseline, path, SIZE.requests)

  const rounds: { subject: number, baseline: number }[] = []
  const until = performance.now() + SIZE.roundsMs
  do {
    rounds.push({
      subject: await cpuMicrosecondsPerRequest(subject, path, SIZE.requests),
      baseline: await cpuMicrosecondsPerRequest(baseline, path, SIZE.requests)
    })
  } while (rounds.length < SIZE.rounds && performance.now() < until) // fewer on a slow machine

  const ratios = rounds.map(({ subject, baseline }) => subject / baseline)
  const microseconds = (side: 'subject' | 'baseline') => median(rounds.map(round => round[side])).toFixed(1)
  return {
    what,
    unit: '×',
    value: median(ratios),
    spread: spreadOf(ratios),
    reach,
    note: `${microseconds('subject')} µs, ${baseline.name} ${microseconds('baseline')} µs`
  }
}

/** The time from the start of the process to the first 200 of /readyz. */
async function startRow (launch: Launch, reach: number): Promise<Measured> {
  const times: number[] = []
  await (await start(launch))[Symbol.asyncDispose]() // fills the compile cache
  for (let i = 0; i < SIZE.starts; i++) {
    await using server = await start(launch)
    times.push(server.readyMs)
  }
  return { what: `start to ready, ${launch.name}`, unit: 'ms', value: median(times), spread: spreadOf(times), reach }
}

/** The resident memory of a server that was idle until now, and its peak under load. */
async function memoryRows (
  server: Server, path: string, reach: { idle: number, load: number }
): Promise<Measured[]> {
  const idle = server.rssMebibytes()
  const peak = await peakMebibytes(server, load(server, path, SIZE.requests))
  return [
    { what: `memory idle, ${server.name}`, unit: 'MiB', value: idle, reach: reach.idle },
    { what: `memory under load, ${server.name}`, unit: 'MiB', value: peak, reach: reach.load }
  ]
}

/** A bare server with the catalog's answer. It costs little, so the measurement is about the proxy in front of it. */
async function startUpstream (): Promise<Server> {
  await using catalog = await start(CATALOG)
  return await start(bareHttp(await answerOf(catalog, '/items')))
}

/**
 * Makes sure that two servers give the same answer, because otherwise their comparison means nothing.
 *
 * @param partOf the part of an answer that must be the same
 * @throws {Error} with both answers if they differ
 */
async function requireSameAnswer (
  a: Server, b: Server, path: string, partOf: (answer: Answer) => unknown
): Promise<void> {
  const textOf = async (server: Server) => JSON.stringify(partOf(await answerOf(server, path)))
  const [one, other] = [await textOf(a), await textOf(b)]
  if (one !== other) throw new Error(`${a.name} and ${b.name} answer ${path} differently: ${one} and ${other}`)
}

function spreadOf (values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}

if (process.platform !== 'linux') {
  console.error('The benchmark reads CPU time and memory from /proc, which only Linux has. ' +
    `This is ${process.platform}: run it on a Linux machine or in a container.`)
  process.exit(1)
}
setTimeout(() => {
  console.error(`The benchmark was not finished after ${SIZE.limitMs / 1000} s, so it ends. ` +
    'If this machine is busy, try again later; or run npm run bench -- --quick.')
  process.exit(1)
}, SIZE.limitMs).unref()
if ((loadavg()[0] ?? 0) > availableParallelism()) {
  console.error('Other processes keep this machine busy: expect longer times.')
}

const rows: Row[] = []
for (const [what, measure] of Object.entries(MEASUREMENTS)) {
  console.error(`Measuring ${what} …`)
  try {
    rows.push(...await measure())
  } catch (error) {
    console.error(error)
    rows.push({ what, failure: (error as Error).message })
  }
}
if (json) console.log(JSON.stringify(rows.map(row => ({ ...row, verdict: verdictOf(row) })), null, 2))
else console.log(`\n${tableOf(rows)}\n\n${summaryOf(rows)}`)
process.exitCode = rows.some(row => verdictOf(row) === 'not run') ? 1 : 0

import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { answerOf, cpuMicrosecondsARequest, HOST, load, median, peakMebibytes, start, type Answer, type Launch, type Server } from './measure.ts'
import { summaryOf, tableOf, verdictOf, type Measured, type Row } from './table.ts'

const { values: { quick, json } } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false }
  }
})

/** How much is done. `--quick` shows that everything runs; its numbers are rough. */
const SIZE = quick
  ? { rounds: 2, roundsMs: 3_000, requests: 2_000, starts: 1, limitMs: 40_000 }
  : { rounds: 7, roundsMs: 40_000, requests: 30_000, starts: 5, limitMs: 300_000 }
const IDLE_MS = 2_000
/** The limit in the manifests and the compose file. */
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

/** The same with tracing on. Nothing is sampled, so that the collector, which is not there, is never missed. */
function traced ({ name, env, ...launch }: Launch): Launch {
  return { ...launch, name: `${name}-tracing`, env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:9`, OTEL_TRACES_SAMPLER: 'always_off' } }
}

function bareHttp (answer: Answer): Launch {
  return { name: 'bare node:http', script: 'packages/bench/src/baselines/http.ts', env: { ANSWER: JSON.stringify(answer) } }
}

function bareProxy (upstream: Server): Launch {
  return { name: 'bare proxy', script: 'packages/bench/src/baselines/proxy.ts', env: { UPSTREAM: `http://${HOST}:${upstream.port}` } }
}

/** What is measured, in this order. Each starts what it needs and ends it; a row for tracing compares a service with itself. */
const MEASUREMENTS: Record<string, () => Promise<Row[]>> = {
  'CPU a request, catalog': async () => {
    await using catalog = await start(CATALOG)
    await using bare = await start(bareHttp(await answerOf(catalog, '/items')))
    await expectSame(catalog, bare, '/items', answer => answer)
    return [await cpuRow('CPU a request, catalog /items', 2, catalog, bare, '/items')]
  },

  'CPU a request, webapp': async () => {
    await using upstream = await startUpstream()
    await using app = await start(webapp(upstream))
    await using bare = await start(bareProxy(upstream))
    await expectSame(app, bare, '/api/catalog', ({ body }) => body)
    return [await cpuRow('CPU a request, webapp /api/catalog', 1.5, app, bare, '/api/catalog')]
  },

  'CPU a request, tracing': async () => {
    await using upstream = await startUpstream()
    await using catalog = await start(CATALOG)
    await using tracedCatalog = await start(traced(CATALOG))
    await using app = await start(webapp(upstream))
    await using tracedApp = await start(traced(webapp(upstream)))
    return [
      await cpuRow('CPU a request, catalog /items, tracing on but not sampled', 1.8, tracedCatalog, catalog, '/items'),
      await cpuRow('CPU a request, webapp /api/catalog, tracing on but not sampled', 1.4, tracedApp, app, '/api/catalog')
    ]
  },

  'start to ready': async () => [
    await startRow(CATALOG, 500),
    await startRow(webapp({ port: 1 }), 500), // a start calls no upstream
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

/** CPU that a request costs one server as a multiple of what it costs another: the median of rounds that alternate. */
async function cpuRow (what: string, reach: number, subject: Server, baseline: Server, path: string): Promise<Measured> {
  await load(subject, path, SIZE.requests) // until the JIT compiler is done
  await load(baseline, path, SIZE.requests)

  const rounds: { subject: number, baseline: number }[] = []
  const until = performance.now() + SIZE.roundsMs
  do {
    rounds.push({
      subject: await cpuMicrosecondsARequest(subject, path, SIZE.requests),
      baseline: await cpuMicrosecondsARequest(baseline, path, SIZE.requests)
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

/** From spawn to the first 200 of /readyz. */
async function startRow (launch: Launch, reach: number): Promise<Measured> {
  const times: number[] = []
  await (await start(launch))[Symbol.asyncDispose]() // compiles it
  for (let i = 0; i < SIZE.starts; i++) {
    await using server = await start(launch)
    times.push(server.readyMs)
  }
  return { what: `start to ready, ${launch.name}`, unit: 'ms', value: median(times), spread: spreadOf(times), reach }
}

/** Resident memory of a server that was idle until now, and the most of it under load. The design's MB are MiB: its bare 59 is. */
async function memoryRows (server: Server, path: string, reach: { idle: number, load: number }): Promise<Measured[]> {
  const idle = server.rssMebibytes()
  const peak = await peakMebibytes(server, load(server, path, SIZE.requests))
  return [
    { what: `memory idle, ${server.name}`, unit: 'MiB', value: idle, reach: reach.idle },
    { what: `memory under load, ${server.name}`, unit: 'MiB', value: peak, reach: reach.load }
  ]
}

/** A bare server that answers as the catalog does, so that a proxy's cost is the proxy's alone. */
async function startUpstream (): Promise<Server> {
  await using catalog = await start(CATALOG)
  return await start(bareHttp(await answerOf(catalog, '/items')))
}

/** A comparison of servers that say different things would be none. */
async function expectSame (a: Server, b: Server, path: string, part: (answer: Answer) => unknown): Promise<void> {
  const [one, other] = [JSON.stringify(part(await answerOf(a, path))), JSON.stringify(part(await answerOf(b, path)))]
  if (one !== other) throw new Error(`${a.name} and ${b.name} answer differently: ${one} and ${other}`)
}

function spreadOf (values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}

if (process.platform !== 'linux') {
  console.error(`The benchmark reads CPU time and memory from /proc, which Linux alone has; this is ${process.platform}.`)
  process.exit(1)
}
setTimeout(() => {
  console.error(`The benchmark is not done after ${SIZE.limitMs / 1000} s; it ends here.`)
  process.exit(1)
}, SIZE.limitMs).unref()
if ((loadavg()[0] ?? 0) > availableParallelism()) console.error('This machine is busy with something else: expect longer times.')

const rows: Row[] = []
for (const [what, measure] of Object.entries(MEASUREMENTS)) {
  console.error(`measuring ${what} …`)
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

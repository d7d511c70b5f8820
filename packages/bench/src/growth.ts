import { once } from 'node:events'
import { request } from 'node:http'
import { answerOf, costOf, HOST, load, median, start, type Cost, type LoadSize, type Server } from './measure.ts'
import { bareHttp, CATALOG, webapp } from './contenders.ts'
import { growthOf, type Point } from './linear.ts'
import { SIZE } from './options.ts'
import { aligned } from './table.ts'

/** What a request costs when one thing grows and everything else stays as it is. */
export interface Series {
  service: string
  /** what grows */
  of: 'connections' | 'items' | 'fault rules'
  cells: (Cost & { x: number })[]
}

interface Cell extends LoadSize {
  x: number
  server: Server
}

const CONNECTIONS = [1, 8, 64, 512]
const ITEMS = [4, 100, 1000]
const RULES = [0, 1, 10]

/** Measures how the costs of the catalog grow. */
export async function catalogGrowth (): Promise<Series[]> {
  const path = '/items'
  const results: Series[] = []
  {
    await using server = await start(CATALOG)
    results.push(await series('catalog', 'connections', path, CONNECTIONS.map(x => ({ x, server, connections: x }))))
  }
  // V8 optimizes code that has run often. So all compared servers must have run equally often.
  await using one = await start(CATALOG)
  await using some = await start(CATALOG)
  await using many = await start(CATALOG)
  return [
    ...results,
    await series('catalog', 'fault rules', path, await withRules([one, some, many])),
    await series('catalog', 'items', path, await Promise.all([one, some, many].map(async (server, index) => {
      await send(server, 'DELETE', '/blowup')
      const x = ITEMS[index] ?? NaN
      for (let id = 5; id <= x; id++) await send(server, 'PUT', `/items/${id}`, item(id))
      return { x, server }
    })))
  ]
}

/** Measures how the costs of the webapp grow, with an upstream that costs little. */
export async function webappGrowth (): Promise<Series[]> {
  const path = '/api/catalog'
  await using catalog = await start(CATALOG)
  const answer = await answerOf(catalog, '/items')
  const [few = [], some = [], many = []] = ITEMS.map(count => {
    const more = Array.from({ length: count - 4 }, (_, index) => ({ id: index + 5, ...item(index + 5) }))
    return [...JSON.parse(answer.body) as object[], ...more]
  })
  const bareFor = (items: object[]) => {
    const body = JSON.stringify(items, null, 2)
    const headers = { ...answer.headers, 'content-length': String(Buffer.byteLength(body)) }
    return bareHttp({ ...answer, headers, body })
  }
  await using fewItems = await start(bareFor(few))
  await using someItems = await start(bareFor(some))
  await using manyItems = await start(bareFor(many))
  const results: Series[] = []
  {
    await using server = await start(webapp(fewItems))
    results.push(await series('webapp', 'connections', path, CONNECTIONS.map(x => ({ x, server, connections: x }))))
  }
  {
    await using one = await start(webapp(fewItems))
    await using two = await start(webapp(fewItems))
    await using three = await start(webapp(fewItems))
    results.push(await series('webapp', 'fault rules', path, await withRules([one, two, three])))
  }
  await using one = await start(webapp(fewItems))
  await using two = await start(webapp(someItems))
  await using three = await start(webapp(manyItems))
  const cells = [one, two, three].map((server, index) => ({ x: ITEMS[index] ?? NaN, server }))
  results.push(await series('webapp', 'items', path, cells))
  return results
}

/** The series as tables for a terminal, each with a sentence about where the cost stops being linear. */
export function growthText (all: Series[]): string {
  return all.map(({ service, of, cells }) => {
    const lines = cells.map(({ x, cpu, p50, p99 }) => [String(x), cpu.toFixed(1), p50.toFixed(2), p99.toFixed(2)])
    const table = aligned([[of, 'CPU µs per request', 'p50 ms', 'p99 ms'], ...lines])
    return `${service}, growing ${of}\n${table}\n${sentencesAbout({ service, of, cells }).join('\n')}`
  }).join('\n\n')
}

/** Where the costs of a series stop being linear. */
export function sentencesAbout ({ of, cells }: Series): string[] {
  if (of === 'connections') {
    // A wave is one request on each connection. If its CPU time is linear, a request costs the same in every wave.
    const waves = cells.map(({ x, cpu }) => ({ x, y: x * cpu }))
    const waits = cells.map(({ x, p50 }) => ({ x, y: p50 }))
    return [
      sentence('The CPU time of one request on each connection', of, 'µs', waves),
      sentence('The median latency', of, 'ms', waits)
    ]
  }
  return [sentence('The CPU time of a request', of, 'µs', cells.map(({ x, cpu }) => ({ x, y: cpu })))]
}

function sentence (what: string, of: string, unit: string, points: Point[]): string {
  const { linearUpTo, perStep, after } = growthOf(points)
  const step = (value: number) => `${Number(value.toPrecision(2))} ${unit}`
  const one = of.slice(0, -1) // without the plural's s
  const end = `${linearUpTo} ${linearUpTo === 1 ? one : of}`
  const linear = `${what} is linear up to ${end}: each ${one} adds ${step(perStep)}`
  return after === undefined ? `${linear}.` : `${linear}; from there to ${after.x}, each adds ${step(after.perStep)}.`
}

/** Measures the cells in turns. The number of requests of each cell follows from its speed. */
async function series (
  service: string, of: Series['of'], path: string, cells: (Omit<Cell, 'requests'>)[]
): Promise<Series> {
  const sized: Cell[] = []
  for (const cell of cells) {
    const { connections = 32 } = cell
    const warmUp = Math.max(1000, 4 * connections)
    await load(cell.server, path, { requests: warmUp, connections })
    const started = performance.now()
    await load(cell.server, path, { requests: warmUp, connections })
    const perMs = warmUp / (performance.now() - started)
    const requests = Math.max(4 * connections, Math.round(perMs * SIZE.growthMs))
    sized.push({ ...cell, requests })
  }
  const costs = new Map(sized.map(cell => [cell, [] as Cost[]]))
  for (let round = 0; round < SIZE.growthRounds; round++) {
    for (const cell of sized) costs.get(cell)?.push(await costOf(cell.server, path, cell))
  }
  return {
    service,
    of,
    cells: [...costs].map(([{ x }, measured]) => ({
      x,
      cpu: median(measured.map(({ cpu }) => cpu)),
      p50: median(measured.map(({ p50 }) => p50)),
      p99: median(measured.map(({ p99 }) => p99))
    }))
  }
}

/** Sets rules that draw for each request, but never hit. */
async function withRules (servers: Server[]): Promise<Omit<Cell, 'requests'>[]> {
  return await Promise.all(servers.map(async (server, index) => {
    const x = RULES[index] ?? NaN
    for (let rule = 1; rule <= x; rule++) {
      await send(server, 'POST', '/blowup', { name: `rule-${rule}`, type: '500', percentage: 0 })
    }
    return { x, server }
  }))
}

function item (id: number) {
  return { color: 'amber', department: 'Eyewear', name: `Elinor Glasses ${id}`, price: '282.00' }
}

/** @throws {Error} if the answer is no 2xx */
async function send (server: Server, method: string, path: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const call = request({ host: HOST, port: server.port, method, path, headers })
  const [response] = await once(call.end(body === undefined ? '' : JSON.stringify(body)), 'response')
  response.resume()
  await once(response, 'end')
  const { statusCode } = response
  if (statusCode >= 300) throw new Error(`${server.name} answered ${method} ${path} with ${statusCode}`)
}

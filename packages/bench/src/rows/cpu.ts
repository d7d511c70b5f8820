import {
  bareHttp, bareProxy, before, CATALOG, goHttpbin, startUpstream, traced, webapp
} from '../contenders.ts'
import { answerOf, median, start, type Answer, type Launch, type Server } from '../measure.ts'
import type { Measured } from '../table.ts'
import { cpuInTurns, ratioOf } from '../turns.ts'

/** The catalog compared with a bare server that sends the same bytes. */
export async function catalogRows (): Promise<Measured[]> {
  await using catalog = await start(CATALOG)
  await using bare = await start(bareHttp(await answerOf(catalog, '/items')))
  await requireSameAnswer(catalog, bare, '/items', answer => answer)
  return [await cpuRow('CPU, catalog /items ÷ bare node:http', 1.5, CATALOG, catalog, bare, '/items')]
}

/** The webapp compared with a bare proxy that parses and serializes the same answer. */
export async function webappRows (): Promise<Measured[]> {
  await using upstream = await startUpstream()
  const launch = webapp(upstream)
  await using app = await start(launch)
  await using bare = await start(bareProxy(upstream))
  await requireSameAnswer(app, bare, '/api/catalog', ({ body }) => body)
  return [await cpuRow('CPU, webapp /api/catalog ÷ bare proxy', 1.25, launch, app, bare, '/api/catalog')]
}

/** The catalog compared with a service in Go that sends a JSON text of its own, of nearly the same size. */
export async function goRows (): Promise<Measured[]> {
  await using go = await start(goHttpbin())
  await using catalog = await start(CATALOG)
  const bytes = async (server: Server, path: string) => Buffer.byteLength((await answerOf(server, path)).body)
  const sizes = `${await bytes(catalog, '/items')} and ${await bytes(go, '/json')} bytes`
  const row = await cpuRow('CPU, catalog /items ÷ go-httpbin /json', 1, CATALOG, catalog, go, '/items', '/json')
  return [{ ...row, note: `${row.note}; ${sizes}` }]
}

/** Each service with tracing compared with the same service without. */
export async function tracingRows (): Promise<Measured[]> {
  await using upstream = await startUpstream()
  const rows: Measured[] = []
  for (const [launch, path] of [[CATALOG, '/items'], [webapp(upstream), '/api/catalog']] as const) {
    const what = `CPU, ${launch.name} ${path}, tracing on, not sampled ÷ off`
    await using on = await start(traced(launch))
    await using off = await start(launch)
    const old = before(launch)
    if (old === undefined) {
      rows.push(await cpuRow(what, 1.2, undefined, on, off, path))
    } else {
      await using oldOn = await start(traced(old))
      await using oldOff = await start(old)
      const contenders = [on, off, oldOn, oldOff].map(server => ({ server, path }))
      const [ons = [], offs = [], oldOns = [], oldOffs = []] = await cpuInTurns(contenders)
      rows.push({ ...rowOf(what, 1.2, ons, offs, off.name), before: ratioOf(oldOns, oldOffs).value })
    }
  }
  return rows
}

/** The CPU time per request of one server, as a multiple of that of another. */
async function cpuRow (
  what: string, target: number, launch: Launch | undefined, subject: Server, baseline: Server, path: string,
  baselinePath = path
): Promise<Measured> {
  const contenders = [{ server: subject, path }, { server: baseline, path: baselinePath }]
  const old = launch && before(launch)
  await using oldServer = old && await start(old)
  if (oldServer !== undefined) contenders.push({ server: oldServer, path })
  const [subjects = [], baselines = [], olds = []] = await cpuInTurns(contenders)
  return {
    ...rowOf(what, target, subjects, baselines, baseline.name),
    before: olds.length === 0 ? undefined : ratioOf(olds, baselines).value
  }
}

function rowOf (what: string, target: number, subjects: number[], baselines: number[], baseline: string): Measured {
  const note = `${median(subjects).toFixed(1)} µs, ${baseline} ${median(baselines).toFixed(1)} µs`
  return { what, unit: '×', ...ratioOf(subjects, baselines), target, note }
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

import { setTimeout as sleep } from 'node:timers/promises'
import { bareHttp, before, CATALOG, FORUM, startUpstream, webapp } from '../contenders.ts'
import { answerOf, load, peakMebibytes, start, type Launch } from '../measure.ts'
import { SIZE } from '../options.ts'
import type { Measured } from '../table.ts'

/** The memory limit in the manifests and the compose file. */
export const LIMIT_MEBIBYTES = 256
const IDLE_MS = 2_000
/** The heap grows for a while. */
const REQUESTS = 5 * SIZE.requests

interface Memory { idle: number, peak: number }

/** The resident memory of each service: idle, and its peak under load. */
export async function memoryRows (): Promise<Measured[]> {
  await using upstream = await startUpstream()
  const bare = await memoryOf(bareHttp(await answerOf(upstream, '/items')), '/items')
  const rows: Measured[] = []
  for (const [launch, path] of [
    [CATALOG, '/items'], [webapp(upstream), '/api/catalog'], [FORUM, '/api/users']
  ] as const) {
    const own = await memoryOf(launch, path)
    const other = before(launch)
    const old = other && await memoryOf(other, path)
    for (const [when, part, target] of [['idle', 'idle', 75], ['under load', 'peak', 105]] as const) {
      rows.push({
        what: `memory ${when}, ${launch.name}`,
        unit: 'MiB',
        value: own[part],
        before: old?.[part],
        target,
        note: `${(own[part] / bare[part]).toFixed(2)} × bare node:http, which has ${bare[part].toFixed(0)} MiB`
      })
    }
  }
  return rows
}

/** Starts a process with the memory of its container, lets it idle, then sends requests. */
async function memoryOf (launch: Launch, path: string): Promise<Memory> {
  const limited = { ...launch, heapMebibytes: LIMIT_MEBIBYTES }
  await (await start(limited))[Symbol.asyncDispose]() // fills the compile cache
  await using server = await start(limited)
  await sleep(IDLE_MS)
  const idle = server.rssMebibytes()
  return { idle, peak: await peakMebibytes(server, load(server, path, { requests: REQUESTS })) }
}

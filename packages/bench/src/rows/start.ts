import { bareHttp, before, CATALOG, FORUM, traced, webapp } from '../contenders.ts'
import { median, start, type Launch } from '../measure.ts'
import { SIZE } from '../options.ts'
import type { Measured } from '../table.ts'
import { ratioOf } from '../turns.ts'

const BARE = bareHttp({ headers: {}, keepAliveMs: 5_000, body: '' })

/** The time from the start of a process to its first successful /readyz, as a multiple of that of a bare server. */
export async function startRows (): Promise<Measured[]> {
  const app = webapp({ port: 1 }) // the webapp calls no upstream when it starts
  const subjects: { launch: Launch, target: number }[] = [
    ...[CATALOG, app, FORUM].map(launch => ({ launch, target: 3 })),
    ...[CATALOG, app].map(launch => ({ launch: traced(launch), target: 4 }))
  ]
  const launches = [BARE, ...subjects.flatMap(({ launch }) => [launch, before(launch)])]

  const times = new Map<Launch, number[]>()
  for (let round = -1; round < SIZE.starts; round++) {
    for (const launch of launches) {
      if (launch === undefined) continue
      await using server = await start(launch)
      if (round >= 0) timesOf(launch).push(server.readyMs) // the first round only fills the compile cache
    }
  }

  return subjects.map(({ launch, target }, index) => {
    const old = launches[2 + 2 * index]
    const [own, bare] = [timesOf(launch), timesOf(BARE)]
    return {
      what: `start to ready, ${launch.name} ÷ bare node:http`,
      unit: '×',
      ...ratioOf(own, bare),
      before: old && ratioOf(timesOf(old), bare).value,
      target,
      note: `${median(own).toFixed(0)} ms, ${BARE.name} ${median(bare).toFixed(0)} ms`
    }
  })

  function timesOf (launch: Launch): number[] {
    const known = times.get(launch) ?? []
    times.set(launch, known)
    return known
  }
}

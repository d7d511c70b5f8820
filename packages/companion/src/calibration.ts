import { percentile } from './figures.ts'
import type { Call, Loaded } from './load.ts'
import type { Watch } from './noise.ts'
import { noiseOf } from './soundness.ts'

/** What the cluster is like without any fault. */
export interface Calibration {
  /** the highest rate that was borne, in requests a second: no load is sent faster than that unless its lesson is a rate */
  rate: number
  /** milliseconds: see Measured */
  noise: number
  /** the median latency at the lowest rate, in milliseconds */
  latency: number
}

/** Rates, in requests a second, and how many of them go out: a little more than two seconds for all. The last is as fast as any load is that is not about a rate. */
const STAIRS = [{ rate: 25, requests: 13 }, { rate: 50, requests: 40 }, { rate: 100, requests: 100 }] as const

/** Requests a second on two cores beside a cluster that have nothing else to do. */
export const RATE = 100

/** For a machine that does not even bear the first stair. */
export const SLOWEST = 10

/** Finds out what the cluster bears, by rising rates, and how late things are in it. It ends at the first rate that is too much. */
export async function calibrate (load: (options: { rate: number, until: number }) => Promise<Loaded>, watch: Watch): Promise<Calibration> {
  let rate = SLOWEST
  let latency: number | undefined
  let late = 0
  const end = watch()
  for (const stair of STAIRS) {
    const { calls, pace } = await load({ rate: stair.rate, until: stair.requests })
    latency ??= percentile(calls.map(({ duration }) => duration), 50)
    late = Math.max(late, pace.lateP99)
    if (!isBorne(calls) || pace.kept < 0.8 * stair.rate) break
    rate = stair.rate
  }
  const noise = await end()
  return { rate, noise: Math.max(late, noiseOf(noise)), latency: latency ?? 0 }
}

/** Whether all calls were answered, and the last ones hardly later than the first: they would be if calls had piled up. A busy machine is uneven, but that is not meant. */
export function isBorne (calls: Pick<Call, 'status' | 'duration'>[]): boolean {
  const durations = calls.map(({ duration }) => duration)
  const third = Math.ceil(durations.length / 3)
  const [first, last] = [durations.slice(0, third), durations.slice(-third)].map(some => percentile(some, 50)) as [number, number]
  return calls.every(({ status }) => status === 200) && percentile(durations, 95) < 2000 && last <= first + 300
}

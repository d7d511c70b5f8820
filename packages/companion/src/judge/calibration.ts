import { percentile } from './figures.ts'
import type { Call, Loaded } from './load.ts'
import type { Watch } from './noise.ts'
import { noiseOf } from './soundness.ts'

/** How the cluster performs without any fault. */
export interface Calibration {
  /**
   * the highest rate that the cluster sustained, in requests a second: a limit for all loads whose lesson sets no rate
   */
  rate: number
  /** milliseconds: see Measured */
  noise: number
  /** the median latency at the lowest rate, in milliseconds */
  latency: number
}

/** Rates, in requests a second, and how many requests are sent at each: a little more than two seconds for all. */
const STAIRS = [{ rate: 25, requests: 13 }, { rate: 50, requests: 40 }, { rate: 100, requests: 100 }] as const

/** The usual rate of a load, in requests a second: two cores sustain it beside a cluster if they are otherwise idle. */
export const RATE = 100

/** The rate for a machine that does not even sustain the first of these. */
export const SLOWEST = 10

/**
 * Measures which rate the cluster sustains, by rising rates, and how late it is. It ends at the first rate that is too
 * high.
 */
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

/**
 * Whether all calls were answered, the last ones hardly later than the first. Calls that pile up take longer and
 * longer; the mere ups and downs of a busy machine do not count.
 */
export function isBorne (calls: Pick<Call, 'status' | 'duration'>[]): boolean {
  const durations = calls.map(({ duration }) => duration)
  const third = Math.ceil(durations.length / 3)
  const [first, last] = [durations.slice(0, third), durations.slice(-third)].map(some => percentile(some, 50)) as [number, number]
  return calls.every(({ status }) => status === 200) && percentile(durations, 95) < 2000 && last <= first + 300
}

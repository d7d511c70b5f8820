import type { Call, LoadResult } from './load.ts'
import type { DelayMonitor } from './noise.ts'
import { percentile } from './numbers.ts'
import { LEAST_KEPT, noiseOf } from './soundness.ts'

/** How the cluster performs without any fault. */
export interface Calibration {
  /** the highest rate that the cluster sustained, in requests a second: the rate of all loads that set none */
  rate: number
  /** the largest delay that was measured, in milliseconds: see Measurement */
  noise: number
  /** the median latency at the lowest rate, in milliseconds */
  latency: number
}

/** The rates to try, in requests a second, and the number of requests at each. All of them take about two seconds. */
const RATES_TO_TRY = [{ rate: 25, requests: 13 }, { rate: 50, requests: 40 }, { rate: 100, requests: 100 }] as const

/** The usual rate of a load, in requests a second. Two cores that do nothing else sustain it beside a cluster. */
export const RATE = 100

/** The rate for a machine that does not sustain any of the rates to try, in requests a second. */
export const SLOWEST = 10

/**
 * Finds the highest rate that the cluster sustains, and measures the delays. It tries rising rates and ends at the
 * first one that is too high.
 *
 * @param send sends that many requests at that rate
 */
export async function calibrate (
  send: (options: { rate: number, until: number }) => Promise<LoadResult>, monitor: DelayMonitor
): Promise<Calibration> {
  let rate = SLOWEST
  let latency: number | undefined
  let lateP99 = 0
  const stop = monitor()
  for (const { rate: tried, requests } of RATES_TO_TRY) {
    const { calls, timing } = await send({ rate: tried, until: requests })
    latency ??= percentile(calls.map(({ duration }) => duration), 50)
    lateP99 = Math.max(lateP99, timing.lateP99)
    if (!isSustained(calls) || timing.kept < LEAST_KEPT * tried) break
    rate = tried
  }
  return { rate, noise: noiseOf({ ...await stop(), lateP99 }), latency: latency ?? 0 }
}

/**
 * Whether the cluster kept up with these calls: all were answered, and the last third was hardly slower than the first.
 * Calls that pile up take longer and longer. The variation on a busy machine has no such trend, and does not count.
 */
export function isSustained (calls: Pick<Call, 'status' | 'duration'>[]): boolean {
  const durations = calls.map(({ duration }) => duration)
  const third = Math.ceil(durations.length / 3)
  const first = percentile(durations.slice(0, third), 50)
  const last = percentile(durations.slice(-third), 50)
  return calls.every(({ status }) => status === 200) && percentile(durations, 95) < 2000 && last <= first + 300
}

import type { Call, LoadResult } from './load.ts'
import type { DelayMonitor } from './noise.ts'
import { percentile } from './numbers.ts'
import { LEAST_KEPT, noiseOf } from './soundness.ts'

/** How the cluster performs without any fault. */
export interface Calibration {
  /** the highest rate that the cluster sustained, in requests a second: the rate of all loads that set none */
  rate: number
  /** the noise at the last rate that was tried, in milliseconds: see Measurement */
  noise: number
  /** the median latency at the last rate that was tried, in milliseconds */
  latency: number
}

/** The rates to try, in requests a second. */
const RATES = [100, 50, 25]

/**
 * The highest rate of a load that sets none, and its rate without a calibration. At 200, more connections stay open
 * than `sendBurst` uses up, so old connections serve a later load by the old rules.
 */
export const RATE = Math.max(...RATES)

/** The lowest rate of a load, even on a machine that does not sustain it. */
export const SLOWEST = Math.min(...RATES)

/** How long to try a rate, in seconds. */
const DURATION = 0.5

/** With more noise, in milliseconds, a rate is too high: the load itself would make the machine slow. */
const MOST_NOISE = 500

/**
 * Finds the highest rate that the cluster sustains, and measures the delays. It tries each rate for half a second.
 *
 * @param send sends that many requests at that rate
 */
export async function calibrate (
  send: (options: { rate: number, until: number }) => Promise<LoadResult>, monitor: DelayMonitor
): Promise<Calibration> {
  let latency = 0
  let noise = 0
  const isSustainedAt = async (rate: number) => {
    const stop = monitor()
    const { calls, timing } = await send({ rate, until: Math.ceil(rate * DURATION) })
    noise = noiseOf({ ...await stop(), lateP99: timing.lateP99 })
    latency = percentile(calls.map(({ duration }) => duration), 50)
    return isSustained(calls) && timing.kept >= LEAST_KEPT * rate && noise <= MOST_NOISE
  }
  let rate = RATE
  for (const next of RATES) {
    rate = next
    if (await isSustainedAt(rate)) break
  }
  return { rate, noise, latency }
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
  return calls.every(({ status }) => status === 200) && percentile(durations, 95) < 1000 && last <= first + 100
}

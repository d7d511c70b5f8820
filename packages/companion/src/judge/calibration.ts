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
const RATES = [25, 50, 100, 200, 400]

/** The lowest and the highest rate of a load that sets none. */
export const [SLOWEST, FASTEST] = [RATES[0] as number, RATES.at(-1) as number]

/** The rate to try first. It also is the rate of loads without a calibration. */
export const RATE = 100

/** How long to try a rate, in seconds. */
const DURATION = 0.5

/** With more noise, in milliseconds, a rate is too high: the load itself would make the machine slow. */
const MOST_NOISE = 500

/**
 * Finds the highest rate that the cluster sustains, and measures the delays. It tries each rate for half a second: from
 * RATE upwards until one is not sustained or, if RATE is not, downwards until one is.
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
  const slower = RATES.filter(rate => rate < RATE).reverse()
  const faster = RATES.filter(rate => rate > RATE)
  let rate = RATE
  if (await isSustainedAt(RATE)) {
    for (const next of faster) {
      if (!await isSustainedAt(next)) break
      rate = next
    }
  } else {
    for (const next of slower) {
      rate = next
      if (await isSustainedAt(next)) break
    }
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

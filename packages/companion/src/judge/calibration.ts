import { DEFAULT_RATE, type Call, type LoadResult } from './load.ts'
import type { DelayMonitor } from './noise.ts'
import { percentile } from './numbers.ts'
import { LEAST_KEPT, noiseOf } from './soundness.ts'

/** How the cluster performs without any fault. */
export interface Calibration {
  /** the highest rate that the cluster sustained, or else the lowest, in requests a second */
  sustained: number
  /** the rate of loads that set none, in requests a second */
  rate: number
  /** the noise at the sustained rate, in milliseconds: see Measurement */
  noise: number
  /** the median latency at the sustained rate, in milliseconds */
  latency: number
}

/** The rates to try if the cluster sustains the default rate, up to the first that it does not sustain. */
const FASTER = [200, 400, 800]

/** The rates to try otherwise, down to the first that the cluster sustains. */
const SLOWER = [50, 25]

/**
 * Above the default rate, loads get half of the sustained rate: the calibration does not include what else they cost,
 * such as traces and log lines.
 */
const rateFor = (sustained: number) => sustained > DEFAULT_RATE ? sustained / 2 : sustained

/** The lowest rate of a load, even on a machine that does not sustain it. */
export const SLOWEST = Math.min(...SLOWER)

/** The highest rate of a load that sets none. */
export const FASTEST = rateFor(Math.max(...FASTER))

/** How long to try a rate, in seconds. */
const DURATION = 0.5

/** The most requests that may leave within the time of a call, or within the noise: more make the machine slow. */
const MOST_WAITING = 50

/**
 * Finds the highest rate that the cluster sustains, and measures the delays. It tries each rate for half a second.
 *
 * @param send sends that many requests at that rate
 */
export async function calibrate (
  send: (options: { rate: number, until: number }) => Promise<LoadResult>, monitor: DelayMonitor
): Promise<Calibration> {
  const measureAt = async (rate: number) => {
    const stop = monitor()
    const { calls, timing } = await send({ rate, until: Math.ceil(rate * DURATION) })
    const noise = noiseOf({ ...await stop(), lateP99: timing.lateP99 })
    const latency = percentile(calls.map(({ duration }) => duration), 50)
    const isKept = timing.kept >= LEAST_KEPT * rate && waitingFor(noise, rate) <= MOST_WAITING
    const found = { sustained: rate, rate: rateFor(rate), noise, latency }
    return { found, isSustained: isKept && isSustained(calls, rate) }
  }
  const first = await measureAt(DEFAULT_RATE)
  let { found } = first
  for (const rate of first.isSustained ? FASTER : SLOWER) {
    const next = await measureAt(rate)
    if (first.isSustained && !next.isSustained) break
    found = next.found
    if (!first.isSustained && next.isSustained) break
  }
  return found
}

/**
 * Whether the cluster kept up with calls at a rate: all were answered, few waited at the same time, and the last third
 * was hardly slower than the first. Calls that pile up take longer and longer. The variation on a busy machine has no
 * such trend, and does not count.
 */
export function isSustained (calls: Pick<Call, 'status' | 'duration'>[], rate: number): boolean {
  const durations = calls.map(({ duration }) => duration)
  const third = Math.ceil(durations.length / 3)
  const first = percentile(durations.slice(0, third), 50)
  const last = percentile(durations.slice(-third), 50)
  const isAnswered = calls.every(({ status }) => status === 200)
  return isAnswered && waitingFor(percentile(durations, 95), rate) <= MOST_WAITING && last <= first + 100
}

/** How many requests leave within this time. */
const waitingFor = (milliseconds: number, rate: number) => rate * milliseconds / 1000

import { BURST_RATE, DEFAULT_RATE, type Call, type LoadTiming } from './load.ts'
import type { Delays } from './noise.ts'
import { number } from './numbers.ts'

/** What was measured of a load besides its calls. Times are in milliseconds, rates in requests a second. */
export interface Measurement extends LoadTiming, Delays {
  /** the largest of `lateP99`, `loopP99` and `probeP99`: delays that no lesson causes */
  noise: number
  /** the number of calls without an answer for ten seconds: no lesson makes a call wait that long */
  stalled: number
  /** how often the port-forward to the gateway ended by itself and was started again */
  interruptions: number
}

/** What the measurement of a load must satisfy so that its checks can be judged. */
export interface MeasurementLimits {
  /** the noise that the checks tolerate, in milliseconds; by default DEFAULT_TOLERANCE_MS */
  tolerates?: number | undefined
  /** how long the effect that the load shows lasts, in milliseconds: the load must end within this time */
  within?: number | undefined
  /** how much of this time had passed when the first request left, in milliseconds */
  passed?: number | undefined
}

/**
 * The noise that a check tolerates if its lesson is not about time. Noise does not change a share as long as no call
 * runs into a timeout, and the usual timeouts are ten seconds or more. Checks of lessons with shorter timeouts, such as
 * the two seconds for each attempt in ch2.retry, tolerate less.
 */
export const DEFAULT_TOLERANCE_MS = 2000

/**
 * Above this noise, the machine counts as slow: it may be the reason why a change or an answer does not arrive in time.
 * The noise of an idle machine is far below.
 */
export const SLOW_MS = 150

/** A call without an answer for this long is stalled. The timeouts that no lesson changes are all longer. */
export const STALLED_MS = 10_000

/** The share of the intended rate that a load must reach: at a lower rate, it would be a different load. */
export const LEAST_KEPT = 0.8

/** What users can do about a busy machine. */
export const REMEDY = 'Close other programs, or give the cluster more cores, and run the exercise again.'

/** Combines what was measured of a load. */
export function measurementOf (
  calls: Pick<Call, 'duration'>[], timing: LoadTiming, delays: Delays, interruptions = 0
): Measurement {
  const stalled = calls.filter(({ duration }) => duration >= STALLED_MS).length
  return rounded({ ...timing, ...delays, noise: noiseOf({ ...timing, ...delays }), stalled, interruptions })
}

/** The measured values, rounded to a tenth. */
export function rounded<T extends Partial<Measurement>> (measured: T): T {
  const toTenth = ([name, value]: [string, number]) => [name, Math.round(value * 10) / 10]
  return Object.fromEntries(Object.entries(measured).map(toTenth)) as T
}

/** The noise: the largest of the delays that no lesson causes, in milliseconds. */
export function noiseOf ({ lateP99 = 0, loopP99, probeP99 }: Delays & Partial<LoadTiming>): number {
  return Math.max(lateP99, loopP99, probeP99)
}

/**
 * The reasons why a measurement is not sound; none if it is. They depend on the machine only, never on whether the
 * calls are as expected: otherwise, a wrong mesh could avoid its verdict.
 *
 * @param requests how many requests the load sent; if unknown, the time of the last answer counts as its end
 */
export function unsoundReasons (
  { wanted, kept, noise, stalled, interruptions, lasted, lateP99, loopP99, probeP99 }: Measurement,
  { tolerates: tolerance = DEFAULT_TOLERANCE_MS, within = Infinity, passed = 0 }: MeasurementLimits = {},
  requests = Infinity
): string[] {
  const isSlow = noise > SLOW_MS
  const sending = requests * 1000 / kept
  const reasons: string[] = []
  if (noise > tolerance) {
    reasons.push(`the machine was late by ${ms(noise)}, and this load tolerates ${ms(tolerance)} ` +
      `(requests left ${ms(lateP99)} late, the companion's timers were ${ms(loopP99)} late, ` +
      `the gateway's status port took ${ms(probeP99)})`)
  }
  // A burst has no rate to keep, nor has a load that takes less than a second.
  if (kept < LEAST_KEPT * wanted && wanted < BURST_RATE && sending >= 1000) {
    reasons.push(`only ${number(Math.round(kept))} of ${number(wanted)} requests a second could be sent`)
  }
  // On a quiet machine, a proxy decides about a request when the request leaves. If the answer is late there, the mesh
  // is the cause, so only the time for sending counts.
  const took = passed + (isSlow ? lasted : Math.min(lasted, sending))
  if (took > within) {
    const since = passed > 0 ? ' from the change on' : ''
    reasons.push(`the load took ${ms(took)}${since}, and the effect that it shows lasts only ${ms(within)}`)
  }
  if (stalled > 0 && isSlow) {
    const calls = `${number(stalled)} ${stalled === 1 ? 'call' : 'calls'}`
    reasons.push(`${calls} had no answer within ${ms(STALLED_MS)}, on a machine that was late by ${ms(noise)}`)
  }
  // On a quiet machine, the mesh is the cause: a port-forward ends when the gateway refuses a connection.
  if (interruptions > 0 && isSlow) {
    const times = interruptions === 1 ? 'once' : `${interruptions} times`
    reasons.push(`the port-forward to the gateway ended ${times}, on a machine that was late by ${ms(noise)}`)
  }
  return reasons
}

const ms = (value: number) => `${number(Math.round(value))} ms`

/** The machine was too busy: a load, or a wait for a change, cannot be judged fairly. */
export class Disturbed extends Error {
  readonly measured: Partial<Measurement>

  constructor (reasons: string[], measured: Partial<Measurement>) {
    super(`the machine was too busy: ${reasons.join('; ')}. ${REMEDY}`)
    this.measured = measured
  }
}

/** How to measure a load, and how often. Rates are in requests a second. */
export interface Attempts<T> {
  /** the rate of the first attempt */
  rate: number
  /** the lowest rate to try; if it is not below `rate`, every attempt has `rate` */
  slowest: number
  /** the number of attempts */
  times: number
  /** sends the load at a rate and measures it */
  take: (rate: number) => Promise<T>
  /** the reasons why the result is not sound; none if it is */
  reasons: (taken: T) => string[]
  measured: (taken: T) => Measurement
  /** called before each further attempt, with its rate */
  again: (reasons: string[], rate: number) => Promise<void>
}

/**
 * Sends a load until its measurement is sound: from a higher rate on at 100 requests a second, then each time at a
 * quarter of the rate.
 *
 * @returns the sound result and its rate
 * @throws {Disturbed} when no measurement is sound
 */
export async function repeatUntilSound<T> (
  { rate, slowest, times, take, reasons, measured, again }: Attempts<T>
): Promise<{ taken: T, rate: number }> {
  for (let left = times - 1; ; left--) {
    const taken = await take(rate)
    const why = reasons(taken)
    if (why.length === 0) return { taken, rate }
    if (left <= 0) throw new Disturbed(why, measured(taken))
    rate = Math.max(Math.min(slowest, rate), rate > DEFAULT_RATE ? DEFAULT_RATE : rate / 4)
    await again(why, rate)
  }
}

import { number } from './figures.ts'
import type { Call, Pace } from './load.ts'
import type { Noise } from './noise.ts'

/** What was measured of a load besides its calls. Times are in milliseconds, rates in requests a second. */
export interface Measured extends Pace, Noise {
  /**
   * the largest delay of what should not be late at all: requests that leave, our own timers, the gateway's status port
   */
  noise: number
  /** calls without an answer within ten seconds: no lesson makes a call wait that long */
  stalled: number
}

/** What a load's expectations ask of the measurement. */
export interface Demands {
  /** the noise in milliseconds above which they are not judged */
  bears?: number | undefined
  /** the milliseconds within which the load must be over, because the effect that it shows does not last longer */
  within?: number | undefined
  /** how many of those had passed already when the first request left */
  passed?: number | undefined
}

/**
 * The noise that a check bears whose lesson is not about time: shares stay what they are as long as nothing runs into a timeout, and those
 * are ten seconds and more. Where a lesson sets a shorter one, such as the two seconds for an attempt in ch2.retry, its checks bear less.
 */
export const BEARS_MS = 2000

/**
 * Above this noise, the machine counts as slow: it may be the reason why a change or an answer does not arrive in time.
 * An idle machine stays far below it.
 */
export const SLOW_MS = 150

/** Every timeout of services and proxies that no lesson changes is longer. */
export const STALLED_MS = 10_000

/** Below this share of the intended rate, the load counts as a different one. */
const KEPT = 0.8

/** What a reader can do about a busy machine. */
export const REMEDY = 'Close other programs, or give the cluster more cores, and run the exercise again.'

/** Puts together what was measured of a load. */
export function measuredOf (calls: Pick<Call, 'duration'>[], pace: Pace, noise: Noise): Measured {
  return rounded({ ...pace, ...noise, noise: noiseOf({ ...pace, ...noise }), stalled: calls.filter(({ duration }) => duration >= STALLED_MS).length })
}

/** To a tenth: nobody reads more. */
export function rounded<T extends Partial<Measured>> (measured: T): T {
  return Object.fromEntries(Object.entries(measured).map(([name, value]) => [name, Math.round(value * 10) / 10])) as T
}

/** The largest delay of what should not be late at all. */
export function noiseOf ({ lateP99 = 0, loopP99, probeP99 }: Noise & Partial<Pace>): number {
  return Math.max(lateP99, loopP99, probeP99)
}

/**
 * Why a measurement is not sound; empty if it is. This looks only at the machine, never at whether the calls are as
 * expected: otherwise a wrong mesh could avoid its verdict.
 */
export function unsoundness ({ wanted, kept, noise, stalled, lasted, lateP99, loopP99, probeP99 }: Measured, { bears = BEARS_MS, within = Infinity, passed = 0 }: Demands = {}, sent = Infinity): string[] {
  const ms = (value: number) => `${number(Math.round(value))} ms`
  // On a quiet machine a proxy decides about a request when it leaves. An answer that comes late there is the mesh's doing.
  const took = passed + (noise > SLOW_MS ? lasted : Math.min(lasted, sent * 1000 / kept))
  return [
    ...noise > bears ? [`the machine was late by ${ms(noise)}, and this load tolerates ${ms(bears)} (requests left ${ms(lateP99)} late, the companion's timers were ${ms(loopP99)} late, the gateway's status port took ${ms(probeP99)})`] : [],
    ...kept < KEPT * wanted && sent * 1000 / kept >= 1000 ? [`only ${number(Math.round(kept))} of ${number(wanted)} requests a second could be sent`] : [], // a burst of less than a second has no rate to keep
    ...took > within ? [`the load took ${ms(took)}${passed > 0 ? ' from the change on' : ''}, and the effect that it shows lasts only ${ms(within)}`] : [],
    ...stalled > 0 && noise > SLOW_MS ? [`${number(stalled)} calls had no answer within ${ms(STALLED_MS)}, on a machine that was late by ${ms(noise)}`] : []
  ]
}

/** A load, or a wait, that cannot be judged fairly. */
export class Disturbed extends Error {
  readonly measured: Partial<Measured>

  constructor (reasons: string[], measured: Partial<Measured>) {
    super(`the machine was too busy: ${reasons.join('; ')}. ${REMEDY}`)
    this.measured = measured
  }
}

export interface Attempts<T> {
  /** requests a second at first */
  rate: number
  /** the slowest rate worth a try; if it is not below `rate`, every attempt has `rate` */
  slowest: number
  /** how often the load may be taken */
  times: number
  take: (rate: number) => Promise<T>
  /** why what was taken is not sound */
  reasons: (taken: T) => string[]
  measured: (taken: T) => Measured
  /** called before the load is taken again */
  again: (reasons: string[], rate: number) => Promise<void>
}

/**
 * Takes a load until its measurement is sound, each time at half the rate.
 *
 * @throws {Disturbed} when no measurement is sound
 */
export async function takeSoundly<T> ({ rate, slowest, times, take, reasons, measured, again }: Attempts<T>): Promise<{ taken: T, rate: number }> {
  for (let left = times - 1; ; left--) {
    const taken = await take(rate)
    const why = reasons(taken)
    if (why.length === 0) return { taken, rate }
    if (left <= 0) throw new Disturbed(why, measured(taken))
    rate = Math.max(Math.min(slowest, rate), rate / 2)
    await again(why, rate)
  }
}

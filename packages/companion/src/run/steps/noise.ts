import { mayBeLate, messageOf } from '../../cluster/errors.ts'
import type { Delays, DelayMonitor } from '../../judge/noise.ts'
import { number } from '../../judge/numbers.ts'
import { DEFAULT_TOLERANCE_MS, Disturbed, noiseOf, rounded, SLOW_MS } from '../../judge/soundness.ts'

/** The result of an action that takes a while, and how busy the machine was meanwhile. */
export async function measureNoise<T> (
  monitor: DelayMonitor, action: () => Promise<T>
): Promise<{ result: T, noise: Delays }> {
  const end = monitor()
  let noise: Delays | undefined
  try {
    const result = await action()
    noise = await end()
    return { result, noise }
  } finally {
    if (noise === undefined) await end()
  }
}

/**
 * Carries out an action. If it times out on a slow machine, that is no failure: the checks are then not judged.
 *
 * @throws {Disturbed} in that case
 * @throws any other error of the action
 */
export async function unlessLate (monitor: DelayMonitor, action: () => Promise<void>): Promise<void> {
  const end = monitor()
  try {
    await action()
    await end()
  } catch (error) {
    const noise = await end()
    if (error instanceof Disturbed || !mayBeLate(error) || noiseOf(noise) <= SLOW_MS) throw error
    const [what = ''] = messageOf(error).split('\n')
    throw disturbed(what, noise)
  }
}

/**
 * Makes sure that a wait without success can be judged.
 *
 * @throws {Disturbed} when the machine was slow during the wait
 */
export function requireQuietWait (noise: Delays, patience: number): void {
  if (noiseOf(noise) > SLOW_MS) throw disturbed(`a change was not seen within ${number(patience / 1000)} s`, noise)
}

/**
 * Makes sure that a share that has stopped growing can be judged.
 *
 * @throws {Disturbed} when the machine stalls: what makes the share grow may have stopped as well
 */
export function requireQuietShare (noise: Delays): void {
  if (noiseOf(noise) > DEFAULT_TOLERANCE_MS) throw disturbed('what was counted may still have grown', noise)
}

function disturbed (what: string, noise: Delays): Disturbed {
  const late = noiseOf(noise)
  const reason = `${what}, on a machine that was late by ${number(Math.round(late))} ms`
  return new Disturbed([reason], rounded({ ...noise, noise: late }))
}

import { setTimeout as sleep } from 'node:timers/promises'

/** How to wait for a condition. Times are in milliseconds. */
export interface UntilOptions {
  /** after this time, the wait ends without success */
  timeout: number
  /** the pause between two checks */
  interval: number
  /** the pause after the first check, if it is shorter; each further pause is twice as long, up to the interval */
  first?: number
  /** the pause before the first check; none by default */
  delay?: number
  /** ends the wait */
  signal?: AbortSignal | undefined
}

/**
 * Checks a condition until it is met or the time is up. The clock is monotonic: setting the machine's clock changes
 * nothing.
 *
 * @returns whether the condition was met
 * @throws what the condition throws, and the signal's reason
 */
export async function until (isMet: () => Promise<boolean>, options: UntilOptions): Promise<boolean> {
  const { timeout, interval, first = interval, delay = 0, signal } = options
  const pause = async (milliseconds: number) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => {})
    signal?.throwIfAborted()
  }
  const deadline = performance.now() + timeout
  if (delay > 0) await pause(delay)
  for (let next = first; ; next = Math.min(2 * next, interval)) {
    if (await isMet()) return true
    if (performance.now() >= deadline) return false
    await pause(next)
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { percentile } from './numbers.ts'

/** Delays on this machine and in the cluster that no lesson causes, in milliseconds. */
export interface Delays {
  /** how late the companion's own timers were: the 99th percentile */
  loopP99: number
  /** how long the gateway's status port took to answer: the median, and 0 if the port cannot be reached */
  probeP50: number
  /** the 99th percentile of that time */
  probeP99: number
}

/** Begins to measure delays. The returned function ends the measurement and resolves to its result. */
export type DelayMonitor = () => () => Promise<Delays>

/**
 * Sends a request that no lesson affects. It resolves to the milliseconds that the answer took, or to undefined if the
 * connection was refused.
 */
export type Probe = () => Promise<number | undefined>

/** How often the delay of the companion's own timers is measured. */
const RESOLUTION_MS = 10

/** The time between two probes. */
const PAUSE_MS = 100

/** The time after which a probe ends without an answer: a cluster that needs longer is busy in any case. */
const PROBE_LIMIT_MS = 10_000

/** A monitor of the companion's own timers and, if there is a probe, of the cluster. */
export const delayMonitor = (probe: Probe | undefined): DelayMonitor => () => {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  const ended = new AbortController()
  const durations = probe === undefined ? Promise.resolve([]) : repeatProbe(probe, ended.signal)
  return async () => {
    ended.abort()
    loop.disable()
    const taken = withMissedProbes(await durations)
    const loopP99 = loop.count === 0 ? 0 : Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS)
    return { loopP99, probeP50: percentile(taken, 50), probeP99: percentile(taken, 99) }
  }
}

/** Sends one probe after another. If the last one is not answered, it counts with the time until the end. */
async function repeatProbe (probe: Probe, ended: AbortSignal): Promise<number[]> {
  const taken: number[] = []
  const end = new Promise<undefined>(resolve => ended.addEventListener('abort', () => resolve(undefined)))
  while (!ended.aborted) {
    const start = performance.now()
    const duration = await Promise.race([probe(), end])
    if (duration !== undefined) taken.push(duration)
    else if (ended.aborted) taken.push(performance.now() - start)
    await sleep(PAUSE_MS, undefined, { signal: ended }).catch(() => {})
  }
  return taken
}

/**
 * Corrects durations for coordinated omission: while one probe waits, no other is sent. The missed probes are added,
 * each with the time that it would have taken. Without them, a stall of three seconds would be one value among
 * hundreds, and no percentile would show it.
 *
 * @param taken the milliseconds of each probe
 */
export function withMissedProbes (taken: number[]): number[] {
  return taken.flatMap(duration => {
    const sent = Math.max(1, Math.ceil(duration / PAUSE_MS))
    return Array.from({ length: sent }, (_, i) => duration - i * PAUSE_MS)
  })
}

/**
 * A probe of a URL. Its connections stay open until `close` is called. There are two, because a step and the load in it
 * are both measured: with one, each would wait for the other.
 */
export function openProbe (url: string): { probe: Probe, close: () => void } {
  const dispatcher = new Agent({ connections: 2 })
  const options = { dispatcher, headersTimeout: PROBE_LIMIT_MS, bodyTimeout: PROBE_LIMIT_MS }
  return {
    async probe () {
      const start = performance.now()
      try {
        const { body } = await request(url, options)
        await body.dump()
        return performance.now() - start
      } catch {
        const duration = performance.now() - start
        // A refusal comes at once and does not show how busy the cluster is. A timeout does.
        return duration >= PROBE_LIMIT_MS / 2 ? duration : undefined
      }
    },
    close: () => { dispatcher.destroy().catch(() => {}) }
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { percentile } from './figures.ts'

/** Delays on this machine and in the cluster that no lesson causes, in milliseconds. */
export interface Noise {
  /** what one in a hundred of our own timers exceeded */
  loopP99: number
  /** how long the gateway's status port took to answer, which no lesson affects; 0 if it could not be asked */
  probeP50: number
  probeP99: number
}

/** Begins to measure; the function that it returns ends this and resolves to the result. */
export type Watch = () => () => Promise<Noise>

/** Asks something that no lesson affects; resolves to the milliseconds that it took, or undefined if it was refused. */
export type Probe = () => Promise<number | undefined>

/** How often our own timers are measured. */
const RESOLUTION_MS = 10

const PAUSE_MS = 100

/** A probe ends after this time: taking longer would tell nothing more. */
const PROBE_LIMIT_MS = 10_000

/** Measures our own timers and, if there is a probe, the cluster. */
export const watchWith = (probe: Probe | undefined): Watch => () => {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const ended = new AbortController()
  const durations = probe === undefined ? Promise.resolve([]) : probes(probe, ended.signal)
  return async () => {
    ended.abort()
    delays.disable()
    const taken = withMissed(await durations)
    const loopP99 = delays.count === 0 ? 0 : Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS)
    return { loopP99, probeP50: percentile(taken, 50), probeP99: percentile(taken, 99) }
  }
}

/** One probe after the other; one under way at the end counts with the time that it has taken so far. */
async function probes (probe: Probe, ended: AbortSignal): Promise<number[]> {
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
 * A long probe takes the place of those that would have been sent meanwhile. They are added with the time that each would have taken:
 * otherwise one stall of three seconds would be one value among hundreds, and no percentile would show it.
 *
 * @param taken milliseconds of each probe
 */
export function withMissed (taken: number[]): number[] {
  return taken.flatMap(took => Array.from({ length: Math.max(1, Math.ceil(took / PAUSE_MS)) }, (_, i) => took - i * PAUSE_MS))
}

/** A probe of an address, on a connection of its own that stays open. */
export function probeOf (url: string): { probe: Probe, close: () => void } {
  const agent = new Agent({ connections: 1 })
  return {
    async probe () {
      const start = performance.now()
      try {
        const { body } = await request(url, { dispatcher: agent, headersTimeout: PROBE_LIMIT_MS, bodyTimeout: PROBE_LIMIT_MS })
        await body.dump()
        return performance.now() - start
      } catch {
        const took = performance.now() - start
        return took >= PROBE_LIMIT_MS / 2 ? took : undefined // a quick refusal says nothing about how busy the cluster is
      }
    },
    close: () => { agent.destroy().catch(() => {}) }
  }
}

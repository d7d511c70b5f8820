import type { Call } from './load.ts'
import { percentile } from './numbers.ts'

/** Counts the outcomes of a load's calls: statuses, versions, pods, attempts and latencies. */
export class Tally {
  readonly #counts = {
    status: new Map<string, number>(),
    version: new Map<string, number>(),
    pod: new Map<string, number>(),
    attempt: new Map<string, number>()
  }

  readonly #durations: number[] = []
  calls = 0

  add ({ status, fault, version, pod, attempt, duration }: Call): void {
    this.calls++
    this.#durations.push(duration)
    this.#count('status', (status === 0 ? 'no answer' : String(status)) + (fault === undefined ? '' : ' injected'))
    if (version !== undefined) this.#count('version', version)
    if (pod !== undefined) this.#count('pod', pod)
    if (attempt !== undefined) this.#count('attempt', String(attempt))
  }

  /** One line for each property that any call had, such as `status   200 ×762   500 injected ×50`. */
  lines (): string[] {
    const counted = Object.entries(this.#counts)
      .filter(([, counts]) => counts.size > 0)
      .map(([name, counts]) => line(name, [...counts].sort(([a], [b]) => a.localeCompare(b))
        .map(([value, n]) => `${value} ×${n}`)))
    if (this.calls === 0) return counted
    const latencies = [50, 95, 99].map(p => `p${p} ${Math.round(percentile(this.#durations, p))} ms`)
    return [...counted, line('latency', latencies)]
  }

  #count (name: 'status' | 'version' | 'pod' | 'attempt', value: string): void {
    this.#counts[name].set(value, (this.#counts[name].get(value) ?? 0) + 1)
  }
}

const line = (name: string, values: string[]) => `${name.padEnd(7)}  ${values.join('   ')}`

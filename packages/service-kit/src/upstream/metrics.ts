import type { Registry } from 'prom-client'
import { Durations } from '../durations.ts'
import type { UpstreamAnswer } from './answer.ts'

/** The most values of one label: more versions and combinations of faults than any exercise has. */
const MAX_VALUES = 20

/**
 * The values of a label that another process chooses. Prometheus needs them short and few, so every other value becomes
 * `other`.
 */
class LabelValues {
  readonly #known = new Set([''])

  of (value = ''): string {
    if (this.#known.has(value)) return value
    if (this.#known.size > MAX_VALUES || !/^[\w.,-]{1,32}$/.test(value)) return 'other'
    this.#known.add(value)
    return value
  }
}

/** The metrics of the calls to one upstream. */
export class CallMetrics {
  readonly #upstream: string
  readonly #durations: Durations
  readonly #versions = new LabelValues()
  readonly #faults = new LabelValues()

  constructor (upstream: string, registry: Registry) {
    this.#upstream = upstream
    this.#durations = durationsIn(registry)
  }

  /** The faults that the upstream injected, as a label's value; empty if there are none. */
  faultOf (answer: UpstreamAnswer | undefined): string {
    return this.#faults.of(answer?.identity['x-chaos'])
  }

  /** Counts a call that took `ms` milliseconds; a call without an answer has the status 0. */
  observe (method: string, answer: UpstreamAnswer | undefined, ms: number): void {
    const upstream = this.#upstream
    const status = answer?.status ?? 0
    const version = this.#versions.of(answer?.identity['x-served-version'])
    const fault = this.faultOf(answer)
    this.#durations.observe(`${upstream} ${method} ${status} ${version} ${fault}`, ms / 1000, () =>
      ({ upstream, method, status, version, fault }))
  }
}

/** The histogram in a registry, which all upstreams of a service share. */
function durationsIn (registry: Registry): Durations {
  const name = 'http_client_request_duration_seconds'
  return registry.getSingleMetric(name) as unknown as Durations | undefined ?? new Durations(name,
    'How long calls to upstreams took, ' +
    'by upstream, method, status, and the version and injected fault that the answer names.',
    registry)
}

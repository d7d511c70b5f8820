import { Histogram, type Registry } from 'prom-client'
import { DURATION_BUCKETS } from '../metrics.ts'
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
  readonly #duration: Histogram
  readonly #versions = new LabelValues()
  readonly #faults = new LabelValues()

  constructor (upstream: string, registry: Registry) {
    this.#upstream = upstream
    this.#duration = durationIn(registry)
  }

  /** The faults that the upstream injected, as a label's value; empty if there are none. */
  faultOf (answer: UpstreamAnswer | undefined): string {
    return this.#faults.of(answer?.identity['x-chaos'])
  }

  /** Counts a call that took `ms` milliseconds; a call without an answer has the status 0. */
  observe (method: string, answer: UpstreamAnswer | undefined, ms: number): void {
    this.#duration.observe({
      upstream: this.#upstream,
      method,
      status: answer?.status ?? 0,
      version: this.#versions.of(answer?.identity['x-served-version']),
      fault: this.faultOf(answer)
    }, ms / 1000)
  }
}

/** The histogram in a registry, which all upstreams of a service share. */
function durationIn (registry: Registry): Histogram {
  const name = 'http_client_request_duration_seconds'
  return registry.getSingleMetric(name) as Histogram | undefined ?? new Histogram({
    name,
    help: 'How long calls to upstreams took, ' +
      'by upstream, method, status, and the version and injected fault that the answer names.',
    labelNames: ['upstream', 'method', 'status', 'version', 'fault'],
    buckets: DURATION_BUCKETS,
    registers: [registry]
  })
}

import type { Histogram, Registry } from 'prom-client'

/** The buckets of durations in seconds: from a cached answer to the longest wait for an upstream. */
export const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]

type Labels = Record<string, string | number>

/** The observations with the same labels. */
interface Series {
  labels: Labels
  /** for each bucket, the observations that are in it and in no lower one; the last number counts those above all */
  counts: number[]
  sum: number
}

/**
 * A histogram of durations. It finds the series of an observation by one key. prom-client's own Histogram checks and
 * hashes every label of every observation, which takes four times as long.
 */
export class Durations {
  readonly name: string
  readonly #help: string
  readonly #series = new Map<string, Series>()

  /** Creates a histogram and adds it to the metrics of a registry. */
  constructor (name: string, help: string, registry: Registry) {
    this.name = name
    this.#help = help
    registry.registerMetric(this as unknown as Histogram) // without `resetMetrics`, it uses only the name and `get`
  }

  /**
   * Counts a duration.
   *
   * @param key differs for different labels
   * @param labelsOf gives the labels; called only for the first observation of a key
   */
  observe (key: string, seconds: number, labelsOf: () => Labels): void {
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { labels: labelsOf(), counts: new Array<number>(BUCKETS.length + 1).fill(0), sum: 0 }
      this.#series.set(key, series)
    }
    let bucket = 0
    while (seconds > (BUCKETS[bucket] ?? Infinity)) bucket++
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
  }

  /** The values as a registry needs them. */
  async get () {
    const values = [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let total = 0
      const buckets = counts.map((count, index) => {
        total += count
        return { metricName: `${this.name}_bucket`, labels: { le: BUCKETS[index] ?? '+Inf', ...labels }, value: total }
      })
      return [
        ...buckets,
        { metricName: `${this.name}_sum`, labels, value: sum },
        { metricName: `${this.name}_count`, labels, value: total }
      ]
    })
    return { name: this.name, help: this.#help, type: 'histogram', values, aggregator: 'sum' }
  }
}

import { MAX_DELAY_MS, tableOf, type FaultRule } from './rule.ts'

/** The standard normal distribution's 99th percentile. */
const Z99 = 2.3263478740408408

/**
 * How long a latency rule delays one request, in milliseconds, 0 to 60,000.
 *
 * @param rule a checked rule of type latency
 * @param draw uniform numbers in [0, 1)
 */
export function latencyOf (rule: FaultRule, draw: () => number): number {
  const { latencyMs = 0, minMs = 0, maxMs = 0, medianMs = 0, p99Ms = 0, percentiles = {} } = rule
  switch (rule.distribution) {
    case 'uniform':
      return minMs + draw() * (maxMs - minMs)
    case 'lognormal':
      return Math.min(MAX_DELAY_MS, medianMs * Math.exp(Math.log(p99Ms / medianMs) / Z99 * normal(draw)))
    case 'percentiles':
      return interpolate(tableOf(percentiles), draw() * 100)
    default:
      return rule.volatile === true ? draw() * latencyMs : latencyMs
  }
}

/** A standard normal number, by Box and Muller. */
function normal (draw: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - draw())) // 1 - draw() is never 0
  return radius * Math.cos(2 * Math.PI * draw())
}

/** The value at a percentile: on straight lines from 0 ms at percentile 0 through the table; after its last entry that entry. */
function interpolate (table: [number, number][], at: number): number {
  let [left, low] = [0, 0]
  for (const [right, high] of table) {
    if (at < right) return low + (high - low) * (at - left) / (right - left)
    left = right
    low = high
  }
  return low
}

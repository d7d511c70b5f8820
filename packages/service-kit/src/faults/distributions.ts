/** The standard normal distribution's 99th percentile. */
const Z99 = 2.3263478740408408

/**
 * A number from the lognormal distribution with this median and this 99th percentile.
 *
 * @param draw gives uniform numbers in [0, 1)
 */
export function lognormal (median: number, p99: number, draw: () => number): number {
  return median * Math.exp(Math.log(p99 / median) / Z99 * normal(draw))
}

/** A standard normal number, by the method of Box and Muller. */
function normal (draw: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - draw())) // 1 - draw() is never 0
  return radius * Math.cos(2 * Math.PI * draw())
}

/** Pairs of percentile and value, in rising order of percentile. */
export type PercentileTable = [percentile: number, value: number][]

/** Makes a percentile table from an object such as `{"50":20,"99":900}`. */
export function tableOf (percentiles: Record<string, number>): PercentileTable {
  return Object.entries(percentiles)
    .map(([percentile, value]): [number, number] => [Number(percentile), value])
    .sort(([a], [b]) => a - b)
}

/**
 * The value at a percentile. Between two entries of the table it lies on a straight line; before the first entry the
 * line starts from 0 at percentile 0; after the last entry, the value is that of the last entry.
 */
export function interpolate (table: PercentileTable, percentile: number): number {
  let [left, low] = [0, 0]
  for (const [right, high] of table) {
    if (percentile < right) return low + (high - low) * (percentile - left) / (right - left)
    left = right
    low = high
  }
  return low
}

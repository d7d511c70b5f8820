/**
 * Bounds for statistical tests. Every one of them holds with probability 1 - 1e-6 when the claim is true: since all draws come
 * from fixed seeds a test either always passes or always fails, and that is the chance that a right implementation was
 * given a seed with which it fails.
 */

/** The two-sided 1e-6 quantile of the standard normal distribution. */
const Z = 4.892

/** How far from n·p the number of hits in n independent trials may be. */
export function binomialTolerance (n: number, p: number): number {
  return Z * Math.sqrt(n * p * (1 - p))
}

/** The largest distance between the sample's distribution and the claimed one, times √n, must stay below this (Kolmogorov-Smirnov). */
export const KOLMOGOROV_BOUND = 2.694

/** √n times the largest distance between the empirical distribution of `sample` and `cdf`. */
export function kolmogorov (sample: number[], cdf: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  const n = sorted.length
  return Math.sqrt(n) * Math.max(...sorted.map((x, i) => Math.max(Math.abs(cdf(x) - i / n), Math.abs((i + 1) / n - cdf(x)))))
}

/** The share of `sample` that is at most x. */
export function shareUpTo (sample: number[], x: number): number {
  return sample.filter(value => value <= x).length / sample.length
}

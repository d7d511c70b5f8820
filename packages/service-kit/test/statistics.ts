/**
 * Bounds for statistical tests. If the claim is true, each bound holds with probability 1 - 1e-6. All draws come from
 * fixed seeds, so a test always passes or always fails. The error probability is thus the chance that a correct
 * implementation has a seed with which it fails.
 */

/** The two-sided 1e-6 quantile of the standard normal distribution. */
const Z = 4.892

/** The largest allowed distance between n·p and the number of hits in n independent trials. */
export function binomialTolerance (n: number, p: number): number {
  return Z * Math.sqrt(n * p * (1 - p))
}

/** The bound for `kolmogorov`, by the test of Kolmogorov and Smirnov. */
export const KOLMOGOROV_BOUND = 2.694

/** √n times the largest distance between the distribution of `sample` and the claimed one, `cdf`. */
export function kolmogorov (sample: number[], cdf: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  const n = sorted.length
  const distances = sorted.map((x, i) => Math.max(Math.abs(cdf(x) - i / n), Math.abs((i + 1) / n - cdf(x))))
  return Math.sqrt(n) * Math.max(...distances)
}

/** The share of `sample` that is at most x. */
export function shareUpTo (sample: number[], x: number): number {
  return sample.filter(value => value <= x).length / sample.length
}

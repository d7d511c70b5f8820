/** The counts from `low` to `high`, both included. It is empty if `low` is above `high`. */
export interface Region {
  low: number
  high: number
}

/**
 * The acceptance region of the exact two-sided binomial test with equal tails: the counts that are accepted among n
 * draws with probability p. The counts below `low`, and those above `high`, have a probability of at most
 * `falseAlarm / 2` each. A count is in this region if and only if its Clopper-Pearson confidence interval with
 * confidence `1 - falseAlarm` contains p.
 */
export function acceptanceRegion (n: number, p: number, falseAlarm: number): Region {
  const tail = falseAlarm / 2
  let low = 0
  for (let upToLow = binomialMass(n, p, 0); upToLow <= tail && low < n; upToLow += binomialMass(n, p, low)) low++
  let high = n
  for (let fromHigh = binomialMass(n, p, n); fromHigh <= tail && high > 0; fromHigh += binomialMass(n, p, high)) high--
  return { low, high }
}

/** The probability of `low` to `high` hits, both included, among n draws with probability p. */
export function binomialProbability (n: number, p: number, low: number, high: number): number {
  let sum = 0
  for (let k = low; k <= high; k++) sum += binomialMass(n, p, k)
  return sum
}

/**
 * The binomial probability mass function: the probability of exactly k hits among n draws with probability p. The
 * formula n! / (k! (n - k)!) p^k (1 - p)^(n - k) uses logarithms, because the factorials exceed every number.
 */
function binomialMass (n: number, p: number, k: number): number {
  const logCombinations = logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  return Math.exp(logCombinations + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

const logFactorials = [0]

/** The natural logarithm of n!. The values are computed once. */
function logFactorial (n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials[i] = (logFactorials[i - 1] as number) + Math.log(i)
  return logFactorials[n] as number
}

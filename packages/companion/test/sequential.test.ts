// The errors of checks that are decided as soon as the calls so far suffice.
import { describe, expect, test } from 'vitest'
import { course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { binomialProbability } from '../src/judge/binomial.ts'
import { CALLS_BETWEEN_LOOKS } from '../src/judge/load.ts'
import { about, isDecided, judge, POWER, sampleSize, type Expected } from '../src/judge/statistics.ts'
import { LEAST } from '../src/run/steps/sample-size.ts'
import { generator } from './generator.ts'

type Binomial = Extract<Expected, { kind: 'about' }>

/** The shares that the exercises judge as draws. */
const shares = new Map(course.flatMap(({ steps }) => steps).flatMap(step =>
  'expected' in step && step.expected.kind === 'about' ? [[JSON.stringify(step.expected), step.expected]] : []))

/** Shares of a correct mesh, of a wrong one, and of one that is even further away. */
function grid ({ share, tellFrom }: Binomial) {
  const further = tellFrom.flatMap(wrong => wrong > share ? [(1 + wrong) / 2, 1] : [wrong / 2, 0])
  return { right: [share], wrong: [...tellFrom, ...further] }
}

const isLook = (n: number, most: number) => n === most || (n >= LEAST && n % CALLS_BETWEEN_LOOKS === 0)

/** Draws until the check is decided. */
function drawn (expected: Binomial, actual: number, falseAlarm: number, draw: () => number) {
  const most = sampleSize(expected, falseAlarm)
  let count = 0
  for (let n = 1; ; n++) {
    if (draw() < actual) count++
    if (!isLook(n, most) || !isDecided(expected, { count, of: n }, falseAlarm)) continue
    return judge({ id: '', name: '', expected }, { count, of: n }, falseAlarm)
  }
}

/** The exact probability that the check fails, and the average number of draws: follows all counts at once. */
function exactly (expected: Binomial, actual: number, falseAlarm: number) {
  const most = sampleSize(expected, falseAlarm)
  let undecided = [1]
  let [failing, draws] = [0, 0]
  for (let n = 1; n <= most; n++) {
    const before = undecided
    undecided = Array.from({ length: n + 1 }, (_, count) =>
      (before[count] ?? 0) * (1 - actual) + (before[count - 1] ?? 0) * actual)
    if (!isLook(n, most)) continue
    for (const [count, probability] of undecided.entries()) {
      if (probability < 1e-12 || !isDecided(expected, { count, of: n }, falseAlarm)) continue
      draws += n * probability
      if (!judge({ id: '', name: '', expected }, { count, of: n }, falseAlarm).ok) failing += probability
      undecided[count] = 0
    }
  }
  return { failing, draws }
}

describe.each([...shares.values()])('a check of the share $share, which it tells from $tellFrom', expected => {
  const { right, wrong } = grid(expected)

  // The probabilities follow from the design, so the test cannot fail by chance.
  test('keeps the probabilities of its errors exactly', () => {
    for (const actual of right) {
      expect(exactly(expected, actual, FALSE_ALARM_PER_CHECK).failing).toBeLessThanOrEqual(FALSE_ALARM_PER_CHECK)
    }
    for (const actual of wrong) {
      expect(exactly(expected, actual, FALSE_ALARM_PER_CHECK).failing).toBeGreaterThanOrEqual(POWER)
    }
  })

  // 1,000 simulated loads for each share, with a false alarm probability of 0.01. If the promise holds, a limit is
  // exceeded with a probability of at most 1e-6. With this seed, none is.
  test('keeps them in a simulation', () => {
    const draw = generator(16)
    const failed = (actual: number) =>
      Array.from({ length: 1000 }, () => drawn(expected, actual, 0.01, draw)).filter(({ ok }) => !ok).length
    for (const actual of right) expect(failed(actual)).toBeLessThanOrEqual(limit(0.01))
    for (const actual of wrong) expect(1000 - failed(actual)).toBeLessThanOrEqual(limit(1 - POWER))
  })

  test('needs at most two thirds of the complete sample on average, in a correct mesh', () => {
    const most = sampleSize(expected, FALSE_ALARM_PER_CHECK)
    const { draws } = exactly(expected, expected.share, FALSE_ALARM_PER_CHECK)
    if (most > 2 * LEAST) expect(draws).toBeLessThan(most * 2 / 3)
  })
})

/** The number of errors among 1,000 that is exceeded with a probability of at most 1e-6. */
function limit (probability: number): number {
  let errors = 0
  while (1 - binomialProbability(1000, probability, 0, errors) > 1e-6) errors++
  return errors
}

test('a share is told from others on both sides, even if the exercise names only one side', () => {
  const expected = about(1 / 2, { tellFrom: [0.6] }) as Binomial
  expect(exactly(expected, 0.4, FALSE_ALARM_PER_CHECK).failing).toBeGreaterThanOrEqual(POWER)
})

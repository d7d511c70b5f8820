import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { acceptanceRegion, binomialProbability } from '../src/judge/binomial.ts'
import {
  about, all, around, bounds, FALSE_ALARM, judge, none, POWER, sampleSize, type Expected
} from '../src/judge/statistics.ts'
import { generator } from './generator.ts'

describe('a binomial share', () => {
  const sizes = fc.integer({ min: 1, max: 2000 })
  const shares = fc.double({ min: 0.01, max: 0.99, noNaN: true })

  test('has the smallest acceptance region whose tails are at most half of the false alarm probability each', () => {
    fc.assert(fc.property(sizes, shares, (n, p) => {
      const { low, high } = acceptanceRegion(n, p, 1e-5)
      expect(binomialProbability(n, p, 0, low - 1)).toBeLessThanOrEqual(0.5e-5)
      expect(binomialProbability(n, p, high + 1, n)).toBeLessThanOrEqual(0.5e-5)
      expect(binomialProbability(n, p, 0, low)).toBeGreaterThan(0.5e-5)
      expect(binomialProbability(n, p, high, n)).toBeGreaterThan(0.5e-5)
    }), { seed: 6, numRuns: 300 })
  })

  test.each([
    [0.5, [0.6]], [0.5, [0.4]], [1 / 16, [1 / 8, 0.6 ** 4]], [0.1, [0.2]]
  ])('has a sample size that tells %d from %j with the stated power', (share, others) => {
    const expected = about(share, { tellFrom: others })
    const size = sampleSize(expected, 1e-5)
    // A load may have more calls than one of its checks needs.
    for (const n of [size, size + 1, size + 10, size + 100]) {
      const { low, high } = bounds(expected, { count: 0, of: n }, 1e-5)
      for (const other of others) {
        const passes = binomialProbability(n, other, Math.round(low * n), Math.round(high * n))
        expect(1 - passes).toBeGreaterThanOrEqual(POWER)
      }
    }
  })

  // A generator with a fixed seed draws 2,000 samples. With a share of 50 %, the false alarm probability of each is
  // 1e-3: more than 10 false alarms have a probability of 1e-5. With a share of 60 %, at most 1 % of the checks pass:
  // more than 45 of them have a probability of 1e-6.
  test('of 50 % passes, and a share of 60 % fails', () => {
    const expected = about(0.5, { tellFrom: [0.6] })
    const n = sampleSize(expected, 1e-3)
    const draw = generator(42)
    const isOk = (p: number) => {
      let count = 0
      for (let i = 0; i < n; i++) if (draw() < p) count++
      return judge({ id: '', name: '', expected }, { count, of: n }, 1e-3).ok
    }
    const failures = (p: number) => Array.from({ length: 2000 }, () => isOk(p)).filter(ok => !ok).length
    expect(failures(0.5)).toBeLessThanOrEqual(10)
    expect(failures(0.6)).toBeGreaterThanOrEqual(2000 - 45)
  })

  test('has its part of the false alarm probability, which all such checks of the course share', () => {
    const checks = course.flatMap(({ steps }) => steps).flatMap(step => 'expected' in step ? step.expected.kind : [])
    const binomial = checks.filter(kind => kind === 'about').length
    expect(binomial * FALSE_ALARM_PER_CHECK).toBeCloseTo(FALSE_ALARM, 12)
    expect(FALSE_ALARM).toBeLessThanOrEqual(1e-4)
  })
})

const X = { id: 'x', name: 'X' }
const judged = (expected: Expected, count: number, of = 100) =>
  judge({ ...X, expected }, { count, of }, FALSE_ALARM_PER_CHECK)

test('all and none allow no exception', () => {
  expect(judged(all, 100)).toEqual({ ...X, expected: 1, observed: 1, n: 100, low: 1, high: 1, ok: true })
  expect(judged(all, 99)).toMatchObject({ observed: 0.99, ok: false })
  expect(judged(all, 101).ok).toBe(false)
  expect(judged(none, 0).ok).toBe(true)
  expect(judged(none, 1).ok).toBe(false)
})

test('a band includes its ends', () => {
  const band = around(0.5, { low: 0.3, high: 0.7 })
  expect([29, 30, 70, 71].map(count => judged(band, count).ok)).toEqual([false, true, true, false])
})

test.each([
  all, none, about(0.5, { tellFrom: [0.6] }), around(0.5, { low: 0.3, high: 0.7 })
])('without observations, the check fails: %j', expected => {
  expect(judged(expected, 0, 0)).toMatchObject({ observed: 0, n: 0, ok: false })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { about, acceptance, all, around, FALSE_ALARM, judge, none, POWER, probability, sampleFor } from '../src/judge/statistics.ts'
import { generator } from './generator.ts'

describe('about', () => {
  test('a right mesh is taken for a wrong one no more often than was said, and no narrower bounds would do', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, p) => {
      const { low, high } = acceptance(n, p, 1e-5)
      expect(probability(n, p, 0, low - 1)).toBeLessThanOrEqual(0.5e-5)
      expect(probability(n, p, high + 1, n)).toBeLessThanOrEqual(0.5e-5)
      expect(probability(n, p, 0, low)).toBeGreaterThan(0.5e-5)
      expect(probability(n, p, high, n)).toBeGreaterThan(0.5e-5)
    }), { seed: 6, numRuns: 300 })
  })

  test.each([[0.5, [0.6]], [0.5, [0.4]], [1 / 16, [1 / 8, 0.6 ** 4]], [0.1, [0.2]]])('the sample tells %d from %j with the power that was said', (share, others) => {
    const n = sampleFor(about(share, { tellFrom: others }), 1e-5)
    const { low, high } = acceptance(n, share, 1e-5)
    for (const other of others) expect(1 - probability(n, other, low, high)).toBeGreaterThanOrEqual(POWER)
  })

  // Draws of a generator with a fixed seed. With 50 %, 2,000 samples at an error of 1e-3 each: more than 10 alarms would come with probability 1e-5.
  // With 60 %, at most 1 % are missed: more than 45 of 2,000 would come with probability 1e-6.
  test('drawn: 50 % is let through, 60 % is noticed', () => {
    const expected = about(0.5, { tellFrom: [0.6] })
    const n = sampleFor(expected, 1e-3)
    const draw = generator(42)
    const wrong = (p: number) => Array.from({ length: 2000 }, () => {
      let count = 0
      for (let i = 0; i < n; i++) if (draw() < p) count++
      return judge({ id: '', name: '', expected }, { count, of: n }, 1e-3)
    }).filter(({ ok }) => !ok).length
    expect(wrong(0.5)).toBeLessThanOrEqual(10)
    expect(wrong(0.6)).toBeGreaterThanOrEqual(2000 - 45)
  })

  test('the checks of the whole course share the probability of a false alarm', () => {
    const drawn = course.flatMap(({ steps }) => steps).filter(step => 'expected' in step && step.expected.kind === 'about').length
    expect(drawn * FALSE_ALARM_PER_CHECK).toBeCloseTo(FALSE_ALARM, 12)
    expect(FALSE_ALARM).toBeLessThanOrEqual(1e-4)
  })
})

const X = { id: 'x', name: 'X' }

test('always and never allow no exception', () => {
  expect(judge({ ...X, expected: all }, { count: 100, of: 100 }, FALSE_ALARM_PER_CHECK)).toEqual({ ...X, expected: 1, observed: 1, n: 100, low: 1, high: 1, ok: true })
  expect(judge({ ...X, expected: all }, { count: 99, of: 100 }, FALSE_ALARM_PER_CHECK)).toMatchObject({ observed: 0.99, ok: false })
  expect(judge({ ...X, expected: all }, { count: 101, of: 100 }, FALSE_ALARM_PER_CHECK).ok).toBe(false)
  expect(judge({ ...X, expected: none }, { count: 0, of: 100 }, FALSE_ALARM_PER_CHECK).ok).toBe(true)
  expect(judge({ ...X, expected: none }, { count: 1, of: 100 }, FALSE_ALARM_PER_CHECK).ok).toBe(false)
})

test('a band is a band', () => {
  const band = around(0.5, { low: 0.3, high: 0.7 })
  expect([29, 30, 70, 71].map(count => judge({ ...X, expected: band }, { count, of: 100 }, FALSE_ALARM_PER_CHECK).ok)).toEqual([false, true, true, false])
})

test.each([all, none, about(0.5, { tellFrom: [0.6] }), around(0.5, { low: 0.3, high: 0.7 })])('nothing observed is never as expected: %j', expected => {
  expect(judge({ ...X, expected }, { count: 0, of: 0 }, FALSE_ALARM_PER_CHECK)).toMatchObject({ observed: 0, n: 0, ok: false })
})

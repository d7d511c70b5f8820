import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Draws } from '../../../src/faults/draws.ts'
import { MAX_DELAY_MS } from '../../../src/faults/limits.ts'
import { latency } from '../../../src/faults/types/latency.ts'
import { binomialTolerance, kolmogorov, KOLMOGOROV_BOUND, shareUpTo } from '../../statistics.ts'

const N = 40_000

type Fields = Parameters<typeof latency.settingsOf>[0]

function delayOf (fields: Fields, draw: () => number): number {
  const settings = latency.settingsOf(fields)
  if (Array.isArray(settings)) throw new Error(JSON.stringify(settings))
  return latency.delayMs(settings, draw)
}

function sampleOf (fields: Fields, n = N): number[] {
  const draws = new Draws(JSON.stringify(fields))
  return Array.from({ length: n }, () => delayOf(fields, () => draws.next()))
}

test('a fixed delay is exactly latencyMs, by default 1000', () => {
  expect(new Set(sampleOf({ latencyMs: 250 }, 100))).toEqual(new Set([250]))
  expect(new Set(sampleOf({}, 100))).toEqual(new Set([1000]))
  expect(new Set(sampleOf({ distribution: 'fixed', latencyMs: 0 }, 100))).toEqual(new Set([0]))
})

test('a volatile delay is uniform between 0 and latencyMs', () => {
  expect(kolmogorov(sampleOf({ latencyMs: 800, volatile: true }), x => x / 800)).toBeLessThan(KOLMOGOROV_BOUND)
})

test('a uniform delay is uniform between minMs and maxMs', () => {
  const sample = sampleOf({ distribution: 'uniform', minMs: 100, maxMs: 300 })
  expect(kolmogorov(sample, x => (x - 100) / 200)).toBeLessThan(KOLMOGOROV_BOUND)
})

test('a lognormal delay has the median and the 99th percentile of its rule', () => {
  const sample = sampleOf({ distribution: 'lognormal', medianMs: 20, p99Ms: 900 })
  expect(Math.abs(shareUpTo(sample, 20) - 0.5) * N).toBeLessThan(binomialTolerance(N, 0.5))
  expect(Math.abs(shareUpTo(sample, 900) - 0.99) * N).toBeLessThan(binomialTolerance(N, 0.99))
  // Between them it is lognormal: 84.13 % lie below one standard deviation above the median.
  const sigma = Math.log(900 / 20) / 2.3263478740408408
  const belowSigma = shareUpTo(sample, 20 * Math.exp(sigma))
  expect(Math.abs(belowSigma - 0.841345) * N).toBeLessThan(binomialTolerance(N, 0.841345))
})

test('a lognormal delay whose 99th percentile is its median is constant', () => {
  expect(new Set(sampleOf({ distribution: 'lognormal', medianMs: 50, p99Ms: 50 }, 100))).toEqual(new Set([50]))
})

test('delays of a percentile table fit its percentiles and the lines between, and never exceed the last', () => {
  const sample = sampleOf({ distribution: 'percentiles', percentiles: { 50: 20, 90: 100, 99: 900 } })
  for (const [ms, share] of [[10, 0.25], [20, 0.5], [60, 0.7], [100, 0.9], [500, 0.945]] as const) {
    expect(Math.abs(shareUpTo(sample, ms) - share) * N).toBeLessThan(binomialTolerance(N, share))
  }
  expect(Math.abs(sample.filter(ms => ms < 900).length - 0.99 * N)).toBeLessThan(binomialTolerance(N, 0.99))
  expect(Math.max(...sample)).toBe(900)
})

test('a percentile table may set the shortest and the longest delay', () => {
  const sample = sampleOf({ distribution: 'percentiles', percentiles: { 0: 10, 100: 30 } })
  expect(kolmogorov(sample, x => (x - 10) / 20)).toBeLessThan(KOLMOGOROV_BOUND)
})

test('for any rule, a delay is between 0 and a minute; in a table, higher draws give longer delays', () => {
  const ms = fc.double({ min: 0, max: MAX_DELAY_MS, noNaN: true })
  const entry = fc.tuple(fc.integer({ min: 0, max: 100 }), ms)
  const table = fc.array(entry, { minLength: 1, maxLength: 6 }).map(entries => {
    const values = entries.map(([, value]) => value).sort((a, b) => a - b)
    const keys = [...new Set(entries.map(([key]) => key))].sort((a, b) => a - b)
    return Object.fromEntries(keys.map((key, i) => [key, values[i] as number]))
  })
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(fc.property(table, unit, unit, (percentiles, a, b) => {
    const fields: Fields = { distribution: 'percentiles', percentiles }
    const [low, high] = [Math.min(a, b), Math.max(a, b)].map(u => delayOf(fields, () => u)) as [number, number]
    expect(low).toBeGreaterThanOrEqual(0)
    expect(high).toBeLessThanOrEqual(MAX_DELAY_MS)
    expect(low).toBeLessThanOrEqual(high + 1e-6)
  }), { seed: 2, numRuns: 1000 })

  const positive = fc.double({ min: 0.001, max: MAX_DELAY_MS, noNaN: true })
  fc.assert(fc.property(positive, positive, unit, unit, (x, y, u1, u2) => {
    const fields: Fields = { distribution: 'lognormal', medianMs: Math.min(x, y), p99Ms: Math.max(x, y) }
    const draws = [u1, u2]
    const delay = delayOf(fields, () => draws.shift() as number)
    expect(delay).toBeGreaterThanOrEqual(0)
    expect(delay).toBeLessThanOrEqual(MAX_DELAY_MS)
  }), { seed: 3, numRuns: 1000 })
})

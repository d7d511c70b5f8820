import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Draws } from '../../src/faults/draws.ts'
import { binomialTolerance, kolmogorov, KOLMOGOROV_BOUND } from '../statistics.ts'

const take = (key: string, n: number) => {
  const draws = new Draws(key)
  return Array.from({ length: n }, () => draws.next())
}

test('the same key gives the same stream, and its numbers can be checked with sha256sum', () => {
  expect(take('lesson/pod-a/500/0', 50)).toEqual(take('lesson/pod-a/500/0', 50))
  const digest = createHash('sha256').update('lesson/pod-a/500/0/3').digest('hex')
  expect(take('lesson/pod-a/500/0', 4)[3]).toBe(parseInt(digest.slice(0, 12), 16) / 2 ** 48)
})

test('numbers are uniform in [0, 1)', () => {
  const sample = take('uniform', 50_000)
  expect(Math.min(...sample)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...sample)).toBeLessThan(1)
  expect(kolmogorov(sample, x => x)).toBeLessThan(KOLMOGOROV_BOUND)
})

test('a number does not depend on the number before it', () => {
  const n = 50_000
  const sample = take('serial', n + 1)
  const bothHigh = sample.slice(1).filter((x, i) => (x < 0.5) === ((sample[i] as number) < 0.5)).length
  expect(Math.abs(bothHigh - n / 2)).toBeLessThan(binomialTolerance(n, 0.5))
})

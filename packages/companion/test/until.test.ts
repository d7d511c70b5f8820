import { expect, test, vi } from 'vitest'
import { until } from '../src/cluster/until.ts'

test('a condition that is met ends the wait', async () => {
  const results = [false, false, true]
  expect(await until(async () => results.shift() === true, { timeout: 60_000, interval: 1 })).toBe(true)
  expect(results).toEqual([])
})

test('the condition is checked at least once, and again when the time is up', async () => {
  const isMet = vi.fn(async () => false)
  expect(await until(isMet, { timeout: 0, interval: 1 })).toBe(false)
  expect(isMet).toHaveBeenCalledOnce()
  const start = performance.now()
  expect(await until(isMet, { timeout: 20, interval: 5 })).toBe(false)
  expect(performance.now() - start).toBeGreaterThanOrEqual(19)
})

test('a delay comes before the first check', async () => {
  const start = performance.now()
  await until(async () => true, { timeout: 0, interval: 1, delay: 20 })
  expect(performance.now() - start).toBeGreaterThanOrEqual(19)
})

test('the pauses grow from the first one up to the interval', async () => {
  const measured: number[][] = []
  const measureFirst = async () => {
    const times: number[] = []
    await until(async () => times.push(performance.now()) === 5, { timeout: 60_000, first: 10, interval: 40 })
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number))
    measured.push(pauses)
    return pauses[0]
  }
  await expect.poll(measureFirst).toBeLessThan(39) // at least once: a busy machine makes pauses longer
  for (const pauses of measured) {
    for (const [i, least] of [10, 20, 40, 40].entries()) expect(pauses[i]).toBeGreaterThanOrEqual(least - 1)
  }
})

test('a signal ends the wait with its reason, and an error of the condition is thrown', async () => {
  const abort = new AbortController()
  const waiting = until(async () => false, { timeout: Infinity, interval: 10_000, signal: abort.signal })
  abort.abort(new Error('Ctrl-C'))
  await expect(waiting).rejects.toThrow('Ctrl-C')
  await expect(until(async () => { throw new Error('stuck') }, { timeout: 10, interval: 1 })).rejects.toThrow('stuck')
})

test('setting the machine\'s clock does not end the wait', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 })
  try {
    let checks = 0
    const isMet = async () => {
      vi.setSystemTime(1e12)
      return ++checks === 3
    }
    expect(await until(isMet, { timeout: 60_000, interval: 1 })).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

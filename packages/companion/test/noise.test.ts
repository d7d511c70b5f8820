import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calibrate, isBorne, RATE, SLOWEST } from '../src/judge/calibration.ts'
import { percentile } from '../src/judge/figures.ts'
import type { Call } from '../src/judge/load.ts'
import { probeOf, watchWith, withMissed } from '../src/judge/noise.ts'
import { stubUpstream } from '@outfitters/service-kit/testing'

test('the delay of our own timers is measured while the thread is blocked', async () => {
  const end = watchWith(undefined)()
  await sleep(50)
  const until = performance.now() + 200
  while (performance.now() < until);
  await sleep(50)
  const { loopP99, probeP99 } = await end()
  expect(loopP99).toBeGreaterThan(150)
  expect(probeP99).toBe(0)
})

test('a probe without an answer counts with the time that has passed', async () => {
  const end = watchWith(() => new Promise(() => {}))()
  await sleep(120)
  expect((await end()).probeP99).toBeGreaterThan(100)
})

test('a probe returns how long it took, and undefined if it is refused', async () => {
  const stub = await stubUpstream((_request, response) => { setTimeout(() => response.writeHead(503).end(), 30) })
  const { probe, close } = probeOf(stub.origin)
  expect(await probe()).toBeGreaterThan(25)
  await stub.close()
  expect(await probe()).toBeUndefined()
  close()
})

test('one stall among hundreds of quick probes is seen: it counts for all that would have been sent meanwhile', () => {
  const quick = Array.from({ length: 300 }, () => 5)
  expect(withMissed(quick)).toEqual(quick)
  expect(withMissed([250])).toEqual([250, 150, 50])
  expect(percentile([...quick, 3000], 99)).toBe(5)
  expect(percentile(withMissed([...quick, 3000]), 99)).toBeGreaterThan(2500)
})

test('and so it is in what a watch tells', async () => {
  let first = true
  const end = watchWith(async () => {
    const took = first ? 3000 : 5
    first = false
    return took
  })()
  await sleep(350)
  expect((await end()).probeP50).toBeGreaterThan(1000) // and not 5, as most of the probes took
})

describe('the calibration', () => {
  const quiet = () => async () => ({ loopP99: 1, probeP50: 2, probeP99: 7 })
  /** A cluster that answers so many calls a second, each in 5 ms where none waits. */
  const cluster = (capacity: number, status = 200) => {
    const rates: number[] = []
    const load = async ({ rate, until }: { rate: number, until: number }) => {
      rates.push(rate)
      const calls = Array.from({ length: until }, (_, i): Call => ({ status, body: '', headers: {}, duration: 5 + Math.max(0, i * 1000 / capacity - i * 1000 / rate) }))
      return { calls, pace: { wanted: rate, kept: rate, lateP50: 0, lateP99: 3, lasted: 500 } }
    }
    return { rates, load }
  }

  test.each([[1000, RATE, [25, 50, 100]], [60, 50, [25, 50, 100]], [30, 25, [25, 50]], [10, SLOWEST, [25]]])('of a cluster that sustains %s requests a second chooses %s', async (capacity, rate, tried) => {
    const { load, rates } = cluster(capacity)
    expect(await calibrate(load, quiet)).toEqual({ rate, noise: 7, latency: expect.any(Number) })
    expect(rates).toEqual(tried)
  })

  test('of a cluster that fails chooses the slowest rate', async () => {
    expect(await calibrate(cluster(1000, 503).load, quiet)).toMatchObject({ rate: SLOWEST })
  })

  test('of a machine that cannot send that fast chooses a rate that it can send', async () => {
    const { load } = cluster(1000)
    expect(await calibrate(async options => {
      const loaded = await load(options)
      return { ...loaded, pace: { ...loaded.pace, kept: Math.min(60, options.rate) } }
    }, quiet)).toMatchObject({ rate: 50 })
  })

  test('calls that are all equally fast count as sustained', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 1, maxLength: 100 }), durations => {
      expect(isBorne(durations.map(duration => ({ status: 200, duration })))).toBe(true)
    }), { seed: 21 })
  })
})

test('a percentile is one of the values, and at most its share of the values is above it', () => {
  fc.assert(fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, p) => {
    const value = percentile(values, p)
    expect(values).toContain(value)
    expect(values.filter(other => other > value).length).toBeLessThanOrEqual(values.length * (100 - p) / 100)
  }), { seed: 21 })
  expect(percentile([], 50)).toBe(0)
})

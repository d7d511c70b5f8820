import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calibrate, FASTEST, isSustained, SLOWEST } from '../src/judge/calibration.ts'
import { percentile } from '../src/judge/numbers.ts'
import type { Call, LoadResult } from '../src/judge/load.ts'
import { delayMonitor, openProbe, withMissedProbes } from '../src/judge/noise.ts'
import { stubUpstream } from '@outfitters/service-kit/testing'

describe('the delay monitor', () => {
  test('measures the delay of timers while the thread is blocked', async () => {
    const stop = delayMonitor(undefined)()
    await sleep(50)
    const until = performance.now() + 200
    while (performance.now() < until);
    await sleep(50)
    const { loopP99, probeP99 } = await stop()
    expect(loopP99).toBeGreaterThan(150)
    expect(probeP99).toBe(0)
  })

  test('counts a probe without an answer as if it took until the end of the measurement', async () => {
    const stop = delayMonitor(() => new Promise(() => {}))()
    await sleep(120)
    expect((await stop()).probeP99).toBeGreaterThan(100)
  })

  test('counts a stall once for each probe that was missed meanwhile', async () => {
    let isFirst = true
    const stop = delayMonitor(async () => {
      const duration = isFirst ? 3000 : 5
      isFirst = false
      return duration
    })()
    await sleep(350)
    expect((await stop()).probeP50).toBeGreaterThan(1000) // although most of the probes that were sent took 5 ms
  })
})

test('a probe returns the time that the answer took, and undefined if the connection is refused', async () => {
  const stub = await stubUpstream((_request, response) => { setTimeout(() => response.writeHead(503).end(), 30) })
  const { probe, close } = openProbe(stub.origin)
  expect(await probe()).toBeGreaterThan(25)
  await stub.close()
  expect(await probe()).toBeUndefined()
  close()
})

test('with the missed probes, a percentile shows one stall among hundreds of quick probes', () => {
  const quick = Array.from({ length: 300 }, () => 5)
  expect(withMissedProbes(quick)).toEqual(quick)
  expect(withMissedProbes([250])).toEqual([250, 150, 50])
  expect(percentile([...quick, 3000], 99)).toBe(5)
  expect(percentile(withMissedProbes([...quick, 3000]), 99)).toBeGreaterThan(2500)
})

describe('the calibration', () => {
  const quiet = () => async () => ({ loopP99: 1, probeP50: 2, probeP99: 7 })
  /** A cluster that answers this many calls a second. A call that does not have to wait takes 5 ms. */
  const cluster = (capacity: number, status = 200) => {
    const rates: number[] = []
    const load = async ({ rate, until }: { rate: number, until: number }): Promise<LoadResult> => {
      rates.push(rate)
      const waited = (i: number) => Math.max(0, i * 1000 / capacity - i * 1000 / rate)
      const calls = Array.from({ length: until }, (_, i): Call =>
        ({ status, body: '', headers: {}, duration: 5 + waited(i) }))
      return { calls, timing: { wanted: rate, kept: rate, lateP50: 0, lateP99: 3, lasted: 500 } }
    }
    return { rates, load }
  }

  test.each([
    [1000, 800, FASTEST, [100, 200, 400, 800]], [500, 400, 200, [100, 200, 400, 800]],
    [300, 200, 100, [100, 200, 400]], [150, 100, 100, [100, 200]],
    [60, 50, 50, [100, 50]], [30, 25, 25, [100, 50, 25]], [10, SLOWEST, SLOWEST, [100, 50, 25]]
  ])('of a capacity of %s finds %s sustained, and chooses %s', async (capacity, sustained, rate, tried) => {
    const { load, rates } = cluster(capacity)
    expect(await calibrate(load, quiet)).toEqual({ sustained, rate, noise: 7, latency: expect.any(Number) })
    expect(rates).toEqual(tried)
  })

  test('of a cluster that fails chooses the slowest rate', async () => {
    expect(await calibrate(cluster(1000, 503).load, quiet)).toMatchObject({ rate: SLOWEST })
  })

  test.each([
    [62, 400], [63, 200], [125, 200], [126, 100], [500, 100], [501, 50], [1000, 50], [1001, 25]
  ])('of a machine that is late by %s ms chooses a rate of %s', async (late, rate) => {
    const monitor = () => async () => ({ loopP99: 1, probeP50: 2, probeP99: late })
    expect(await calibrate(cluster(1000).load, monitor)).toMatchObject({ rate })
  })

  test('of a machine that can send only 60 requests a second chooses 50', async () => {
    const { load } = cluster(1000)
    const limited = async (options: { rate: number, until: number }) => {
      const { calls, timing } = await load(options)
      return { calls, timing: { ...timing, kept: Math.min(60, options.rate) } }
    }
    expect(await calibrate(limited, quiet)).toMatchObject({ rate: 50 })
  })

  test('counts a rate as sustained whenever all calls take less than 100 ms', () => {
    const someDurations = fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 1, maxLength: 100 })
    fc.assert(fc.property(someDurations, durations => {
      const calls = durations.map(duration => ({ status: 200, duration }))
      expect(isSustained(calls, 400)).toBe(true)
    }), { seed: 21 })
  })
})

test('a percentile is one of the values, and at most its complement is above it', () => {
  const someValues = fc.array(fc.double({ noNaN: true }), { minLength: 1 })
  fc.assert(fc.property(someValues, fc.integer({ min: 1, max: 100 }), (values, p) => {
    const value = percentile(values, p)
    expect(values).toContain(value)
    expect(values.filter(other => other > value).length).toBeLessThanOrEqual(values.length * (100 - p) / 100)
  }), { seed: 21 })
  expect(percentile([], 50)).toBe(0)
})

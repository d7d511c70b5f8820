import { setTimeout as sleep } from 'node:timers/promises'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendLoad, sendRequest, type Clock } from '../src/judge/load.ts'

async function server (listener: Parameters<typeof stubUpstream>[0]) {
  const stub = await stubUpstream(listener)
  onTestFinished(async () => { await stub.close() })
  return stub
}

test('a load sends the number of requests, with their headers, and returns every outcome', async () => {
  const stub = await server((request, response) => {
    const isThird = stub.requests.length % 3 === 0
    response.writeHead(isThird ? 503 : 200, { 'x-served-version': 'v1' }).end(String(request.headers['x-dark-launch']))
  })
  const { calls } = await sendLoad({ url: stub.origin, headers: { 'x-dark-launch': 'v2' }, rate: 200, until: 30 })
  expect(calls).toHaveLength(30)
  expect(calls.filter(({ status }) => status === 503)).toHaveLength(10)
  for (const { body, version } of calls) expect([body, version]).toEqual(['v2', 'v1'])
})

test('slow answers do not lower the rate', async () => {
  const stub = await server((_request, response) => { setTimeout(() => response.end(), 500) })
  const loaded = sendLoad({ url: stub.origin, rate: 100, until: 20 })
  await expect.poll(() => stub.requests.length).toBe(20)
  expect((await loaded).calls.every(({ status }) => status === 200)).toBe(true)
})

test('a load without a number of requests goes on until a signal ends it', async () => {
  const stub = await server((_request, response) => { response.end() })
  const end = new AbortController()
  const loaded = sendLoad({ url: stub.origin, rate: 100, until: end.signal })
  await sleep(300)
  end.abort()
  expect((await loaded).calls.length).toBe(stub.requests.length)
  expect(stub.requests.length).toBeGreaterThan(0)
})

test('a load ends when its first calls suffice, however slow some of them are', async () => {
  // Every second answer is slow. The quick ones alone would suffice earlier.
  const stub = await server((_request, response) => {
    const isSlow = stub.requests.length % 2 === 0
    setTimeout(() => response.writeHead(isSlow ? 500 : 200).end(), isSlow ? 200 : 0)
  })
  const looks: number[][] = []
  const { calls } = await sendLoad({
    url: stub.origin,
    rate: 500,
    until: 10_000,
    isEnough (first) {
      looks.push([first.length, first.filter(({ status }) => status === 500).length])
      return first.length >= 100
    }
  })
  for (const [seen = 0, slow = 0] of looks) expect(Math.abs(slow - seen / 2)).toBeLessThanOrEqual(seen * 0.2)
  expect(calls.length).toBeGreaterThanOrEqual(100)
  expect(calls.length).toBeLessThan(10_000)
})

test('without an answer, the status is 0 and the body is the reason', async () => {
  const stub = await server(request => { request.socket.destroy() })
  expect(await sendRequest(stub.origin)).toMatchObject({ status: 0, body: expect.stringMatching(/socket|closed/) })
})

test('an abort ends a load at once, even if answers are slow', async () => {
  const stub = await server(() => {}) // does not answer
  const end = new AbortController()
  const loaded = sendLoad({ url: stub.origin, rate: 100, until: 5, signal: end.signal })
  await expect.poll(() => stub.requests.length).toBe(5)
  end.abort()
  await expect(loaded).rejects.toThrow('The load was ended.')
})

describe('the timing of a load', () => {
  /** A clock whose n-th sleep is `more(n)` milliseconds too long. Reading the clock takes `each` milliseconds. */
  const clock = (more: (n: number) => number, each: number): Clock => {
    let [now, slept] = [0, 0]
    return { now: () => (now += each) - each, sleep: async milliseconds => { now += milliseconds + more(++slept) } }
  }
  const timingOf = async (more: (n: number) => number, each = 0) => {
    const stub = await server((_request, response) => { response.end() })
    const { timing } = await sendLoad({ url: stub.origin, rate: 100, until: 100, clock: clock(more, each) })
    return timing
  }

  test('on a punctual machine: the rate is kept, and no request is late', async () => {
    const { lateP99, ...timing } = await timingOf(() => 0)
    const lasted = expect.closeTo(990, 6)
    expect(timing).toEqual({ wanted: 100, kept: expect.closeTo(100, 6), lateP50: 0, lasted })
    expect(lateP99).toBeCloseTo(0, 6) // the sum of many intervals is not exact
  })

  test('after a stall of 300 ms: the rate is kept, because the thirty late requests leave at once', async () => {
    const { kept, lateP50, lateP99 } = await timingOf(n => n === 20 ? 300 : 0)
    expect([kept, lateP50, lateP99].map(Math.round)).toEqual([100, 0, 290])
  })

  test('if each request takes twice its interval: half of the rate is kept, and delays add up', async () => {
    const { kept, lateP50, lateP99 } = await timingOf(() => 0, 10) // the clock is read twice for each request
    expect([kept, lateP50, lateP99].map(Math.round)).toEqual([50, 510, 1000])
  })
})

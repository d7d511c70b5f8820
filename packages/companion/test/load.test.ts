import { setTimeout as sleep } from 'node:timers/promises'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { ask, load, type Clock } from '../src/judge/load.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const close of closers.splice(0)) await close() })

async function server (listener: Parameters<typeof stubUpstream>[0]) {
  const stub = await stubUpstream(listener)
  closers.push(stub.close)
  return stub
}

test('as many requests are sent as were asked for, with their headers, and every outcome is told', async () => {
  const stub = await server((request, response) => {
    const third = stub.requests.length % 3 === 0
    response.writeHead(third ? 503 : 200, { 'x-served-version': 'v1' }).end(String(request.headers['x-dark-launch']))
  })
  const { calls: outcomes } = await load({ url: stub.origin, headers: { 'x-dark-launch': 'v2' }, rate: 200, until: 30 })
  expect(outcomes).toHaveLength(30)
  expect(outcomes.filter(({ status }) => status === 503)).toHaveLength(10)
  for (const { body, headers } of outcomes) expect([body, headers['x-served-version']]).toEqual(['v2', 'v1'])
})

test('the rate holds however slow the answers are', async () => {
  const stub = await server((_request, response) => { setTimeout(() => response.end(), 500) })
  const outcomes = load({ url: stub.origin, rate: 100, until: 20 })
  await expect.poll(() => stub.requests.length, { timeout: 10_000 }).toBe(20) // all have left before any could be answered, or soon after
  expect((await outcomes).calls.every(({ status }) => status === 200)).toBe(true)
})

test('a load without a number goes on until it is ended', async () => {
  const stub = await server((_request, response) => { response.end() })
  const end = new AbortController()
  const outcomes = load({ url: stub.origin, rate: 100, until: end.signal })
  await sleep(300)
  end.abort()
  expect((await outcomes).calls.length).toBe(stub.requests.length)
  expect(stub.requests.length).toBeGreaterThan(0)
})

test('where nothing comes back the status is 0, and the reason is told', async () => {
  const stub = await server(request => { request.socket.destroy() })
  expect(await ask(stub.origin)).toMatchObject({ status: 0, body: expect.stringMatching(/socket|closed/) })
})

test('a signal ends a load at once, however slow the answers are', async () => {
  const stub = await server(() => {}) // answers nothing
  const end = new AbortController()
  const outcomes = load({ url: stub.origin, rate: 100, until: 5, signal: end.signal })
  await expect.poll(() => stub.requests.length).toBe(5)
  end.abort()
  await expect(outcomes).rejects.toThrow('The load was ended.')
})

describe('a load tells how well it kept to its schedule', () => {
  /** A clock that passes time while somebody sleeps, as much more as `more` says of the n-th time, and `each` milliseconds whenever it is asked. */
  const clock = (more: (n: number) => number, each: number): Clock => {
    let [now, slept] = [0, 0]
    return { now: () => (now += each) - each, sleep: async milliseconds => { now += milliseconds + more(++slept) } }
  }
  const paceOf = async (more: (n: number) => number, each = 0) => {
    const stub = await server((_request, response) => { response.end() })
    return (await load({ url: stub.origin, rate: 100, until: 100, clock: clock(more, each) })).pace
  }

  test('a punctual machine keeps the rate, and nothing is late', async () => {
    const { lateP99, ...pace } = await paceOf(() => 0)
    expect(pace).toEqual({ wanted: 100, kept: expect.closeTo(100, 6), lateP50: 0, lasted: expect.closeTo(990, 6) })
    expect(lateP99).toBeCloseTo(0, 6) // additions of a hundredth
  })

  test('after a stall of 300 ms, a machine sends at once what is due: the rate is kept, and thirty requests are late', async () => {
    const { kept, lateP50, lateP99 } = await paceOf(n => n === 20 ? 300 : 0)
    expect([kept, lateP50, lateP99].map(Math.round)).toEqual([100, 0, 290])
  })

  test('a machine that needs twice the time for each request keeps half of the rate, and each request is later than the last', async () => {
    const { kept, lateP50, lateP99 } = await paceOf(() => 0, 10) // the time is asked for twice a request
    expect([kept, lateP50, lateP99].map(Math.round)).toEqual([50, 510, 1000])
  })
})

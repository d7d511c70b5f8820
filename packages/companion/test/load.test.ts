import { setTimeout as sleep } from 'node:timers/promises'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { afterEach, expect, test } from 'vitest'
import { ask, load } from '../src/load.ts'

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
  const outcomes = await load({ url: stub.origin, headers: { 'x-dark-launch': 'v2' }, rate: 200, until: 30 })
  expect(outcomes).toHaveLength(30)
  expect(outcomes.filter(({ status }) => status === 503)).toHaveLength(10)
  for (const { body, headers } of outcomes) expect([body, headers['x-served-version']]).toEqual(['v2', 'v1'])
})

test('the rate holds however slow the answers are', async () => {
  const stub = await server((_request, response) => { setTimeout(() => response.end(), 500) })
  const outcomes = load({ url: stub.origin, rate: 100, until: 20 })
  await expect.poll(() => stub.requests.length, { timeout: 10_000 }).toBe(20) // all have left before any could be answered, or soon after
  expect((await outcomes).every(({ status }) => status === 200)).toBe(true)
})

test('a load without a number goes on until it is ended', async () => {
  const stub = await server((_request, response) => { response.end() })
  const end = new AbortController()
  const outcomes = load({ url: stub.origin, rate: 100, until: end.signal })
  await sleep(300)
  end.abort()
  expect((await outcomes).length).toBe(stub.requests.length)
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

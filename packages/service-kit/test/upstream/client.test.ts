import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { stubUpstream } from '../../src/testing.ts'
import type { Trust } from '../../src/propagation.ts'
import type { RequestTrace } from '../../src/tracing/request-trace.ts'
import { Upstream, type UpstreamError } from '../../src/upstream/index.ts'

type Listener = Parameters<typeof stubUpstream>[0]

/** Starts a stub that answers by `listener`, and a client for it. */
async function upstreamThat (listener: Listener, timeoutMs = 30_000, trust: Trust = 'inside') {
  const stub = await stubUpstream(listener)
  onTestFinished(stub.close)
  const metrics = new Registry()
  const upstream = new Upstream({ name: 'stub', origin: stub.origin, trust, timeoutMs, metrics })
  onTestFinished(() => upstream.close())
  return { stub, upstream, metrics }
}

/** A caller that stays connected until the test calls `disconnect`. */
function caller () {
  const listeners: (() => void)[] = []
  let isDisconnected = false
  return {
    headers: { 'x-dark-launch': 'v2' },
    isDisconnected: () => isDisconnected,
    onceDisconnected: (listener: () => void) => { listeners.push(listener) },
    deadline: undefined,
    trace: null,
    disconnect () {
      isDisconnected = true
      for (const listener of listeners) listener()
    }
  }
}

/** The error of a call that must fail. */
function failure (call: Promise<unknown>): Promise<UpstreamError> {
  return call.then(() => { throw new Error('the call succeeded') }, error => error)
}

/** A line of the metrics that counts one GET. */
const counted = (labels: string) =>
  `http_client_request_duration_seconds_count{upstream="stub",method="GET",${labels}} 1`

test("a call forwards the caller's headers, and its answer has status, body and identity", async () => {
  const { stub, upstream } = await upstreamThat((_request, response) => {
    response.writeHead(200, { 'x-served-by': 'pod-1', 'x-served-version': 'v2', 'x-other': 'no' }).end('[1]')
  })
  const answer = await upstream.call({ path: '/items?a=b' }, caller())
  expect(answer.requireStatus(200).json(Array.isArray)).toEqual([1])
  expect(answer.identity).toEqual({ 'x-served-by': 'pod-1', 'x-served-version': 'v2' })
  expect(stub.requests[0]).toMatchObject({
    method: 'GET',
    url: '/items?a=b',
    headers: { host: `127.0.0.1:${stub.port}`, 'x-dark-launch': 'v2', accept: 'application/json' }
  })
})

test('a call that leaves the mesh forwards only the trace and the request id', async () => {
  const { stub, upstream } = await upstreamThat((_request, response) => { response.end('[]') }, 30_000, 'outside')
  const headers = {
    authorization: 'Bearer a', 'x-dark-launch': 'v2', baggage: 'a=b', 'x-request-id': 'r1', b3: '0'
  }
  await upstream.call({ path: '/' }, { ...caller(), headers })
  const sent = Object.keys(stub.requests[0]?.headers ?? {}).sort()
  expect(sent).toEqual(['accept', 'b3', 'connection', 'host', 'user-agent', 'x-request-id'])
})

test('an answer may have headers as large as a request', async () => {
  const { upstream } = await upstreamThat((_request, response) => {
    response.writeHead(200, { 'set-cookie': 'c'.repeat(60_000) }).end('[]')
  })
  expect(await upstream.call({ path: '/' }, caller())).toMatchObject({ status: 200 })
})

test('a body is sent as JSON', async () => {
  const { upstream } = await upstreamThat((request, response) => { request.pipe(response) })
  const answer = await upstream.call({ method: 'POST', path: '/', body: { name: 'ü' } }, caller())
  expect(answer.body).toBe('{"name":"ü"}')
})

test('an answer with an unexpected status is an error that has the answer', async () => {
  const { upstream } = await upstreamThat((_request, response) => {
    response.writeHead(503, { 'x-served-by': 'p' }).end('[]')
  })
  const answer = await upstream.call({ path: '/' }, caller())
  expect(() => answer.requireStatus(200)).toThrow(expect.objectContaining({ code: 'UPSTREAM_STATUS', answer }))
})

test.each([
  ['a body that is not JSON', '<html>'], ['JSON of an unexpected shape', '{}']
])('%s is an error', async (_name, body) => {
  const { upstream } = await upstreamThat((_request, response) => { response.end(body) })
  const answer = await upstream.call({ path: '/' }, caller())
  expect(() => answer.json(Array.isArray)).toThrow(expect.objectContaining({ code: 'UPSTREAM_BODY' }))
})

test('an upstream that is not running is UPSTREAM_UNREACHABLE', async () => {
  const { stub, upstream } = await upstreamThat(() => {})
  await stub.close()
  expect(await failure(upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE' })
})

test('an upstream that does not answer, or stops in the middle of an answer, is UPSTREAM_TIMEOUT', async () => {
  const silent = await upstreamThat(() => {}, 300)
  expect(await failure(silent.upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  const halfway = await upstreamThat((_request, response) => { response.write('[1,') }, 300)
  expect(await failure(halfway.upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
})

test('an answer that is too large is UPSTREAM_BODY', async () => {
  const { upstream } = await upstreamThat((_request, response) => { response.end(Buffer.alloc(9 * 1024 * 1024)) })
  expect(await failure(upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_BODY' })
})

test.each(['GET', 'POST'] as const)('a failed %s is not retried', async method => {
  const { stub, upstream } = await upstreamThat(request => { request.socket.destroy() })
  expect(await failure(upstream.call({ method, path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE' })
  await sleep(100)
  expect(stub.requests).toHaveLength(1)
})

test('a call ends when its caller disconnects, and is not counted', async () => {
  const { stub, upstream, metrics } = await upstreamThat(() => {})
  const impatient = caller()
  const call = failure(upstream.call({ path: '/' }, impatient))
  await expect.poll(() => stub.requests.length).toBe(1)
  impatient.disconnect()
  expect(await call).toMatchObject({ code: 'CALLER_GONE' })
  await expect.poll(() => stub.requests[0]?.destroyed).toBe(true)
  expect(await metrics.metrics()).not.toContain('_count{')
})

test('the metrics have calls by upstream, status, version and fault; an invalid version becomes other', async () => {
  const { upstream, metrics } = await upstreamThat((request, response) => {
    const odd = request.url === '/odd'
    response.writeHead(odd ? 200 : 500, { 'x-served-version': odd ? '{"a":1}' : 'v2', 'x-chaos': '500' }).end()
  })
  await upstream.call({ path: '/' }, caller())
  await upstream.call({ path: '/odd' }, caller())
  const text = await metrics.metrics()
  expect(text).toContain(counted('status="500",version="v2",fault="500"'))
  expect(text).toContain(counted('status="200",version="other",fault="500"'))
})

test('a call past its deadline is UPSTREAM_TIMEOUT, and counted with status 0', async () => {
  const { upstream, metrics } = await upstreamThat(() => {})
  const impatient = { ...caller(), deadline: AbortSignal.timeout(20) }
  expect(await failure(upstream.call({ path: '/' }, impatient))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  expect(await metrics.metrics()).toContain(counted('status="0",version="",fault=""'))
})

test('operational calls are not in the metrics', async () => {
  const { upstream, metrics } = await upstreamThat((_request, response) => { response.writeHead(200).end() })
  await upstream.call({ path: '/blowup', operational: true }, caller())
  expect(await metrics.metrics()).not.toContain('_count{')
})

test('the metrics have at most twenty versions and twenty faults of an upstream', async () => {
  const { upstream, metrics } = await upstreamThat((request, response) => {
    const n = request.url?.slice(1)
    response.writeHead(200, { 'x-served-version': `v${n}`, 'x-chaos': `fault-${n}` }).end()
  })
  for (let n = 0; n < 30; n++) await upstream.call({ path: `/${n}` }, caller())
  await upstream.call({ path: '/3' }, caller())
  const matches = (await metrics.metrics()).matchAll(/_count\{.*version="(.*?)",fault="(.*?)"\} (\d+)/g)
  const counts = Array.from(matches, ([, version, fault, n]) => `${version} ${fault} ${n}`)
  expect(counts).toHaveLength(21)
  expect(counts).toEqual(expect.arrayContaining(['v3 fault-3 2', 'v19 fault-19 1', 'other other 10']))
})

test.each([
  ['http://catalog', 'catalog', 80],
  ['https://users.example', 'users.example', 443],
  ['http://[::1]:3000', '::1', 3000]
])('the span of a call to %s has its host and port', async (origin, address, port) => {
  const upstream = new Upstream({ name: 'stub', origin, trust: 'inside', timeoutMs: 1000, metrics: new Registry() })
  onTestFinished(() => upstream.close())
  const call = vi.fn<RequestTrace['call']>(() => { throw new Error('before anything is sent') })
  const trace = { call } as unknown as RequestTrace
  await failure(upstream.call({ path: '/' }, { ...caller(), trace }))
  expect(call.mock.calls[0]?.[1]).toMatchObject({ 'server.address': address, 'server.port': port })
})

test('an answer that never ends is a timeout, although a piece of it arrives from time to time', async () => {
  const { upstream } = await upstreamThat((_request, response) => {
    const timer = setInterval(() => response.write(' '), 20)
    response.once('close', () => clearInterval(timer))
  }, 300)
  expect(await failure(upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
})

test('only some calls are sent at a time, and those of callers that have gone are not sent', async () => {
  const waiting: ServerResponse[] = []
  let arrived = 0
  const { upstream } = await upstreamThat((_request, response) => {
    arrived++
    waiting.push(response)
  }, 60_000)
  const lost = caller()
  const calls = Array.from({ length: 256 }, () => upstream.call({ path: '/' }, caller()))
  const gone = Array.from({ length: 100 }, () => failure(upstream.call({ path: '/' }, lost)))
  const last = upstream.call({ path: '/' }, caller())
  await expect.poll(() => arrived).toBe(256)
  lost.disconnect()
  for (const error of await Promise.all(gone)) expect(error).toMatchObject({ code: 'CALLER_GONE' })
  for (const response of waiting.splice(0)) response.end('{}')
  await Promise.all(calls)
  await expect.poll(() => arrived).toBe(257)
  waiting[0]?.end('{}')
  expect((await last).status).toBe(200)
})

test('answers that are too large together fail, and the others are read', async () => {
  const responses: ServerResponse[] = []
  const { upstream } = await upstreamThat((_request, response) => {
    response.write('x'.repeat(1_000_000))
    responses.push(response)
  }, 60_000)
  const outcomeOf = (call: Promise<unknown>) => call.then(() => 'read', (error: UpstreamError) => error.code)
  const calls = Array.from({ length: 40 }, () => outcomeOf(upstream.call({ path: '/' }, caller())))
  await expect.poll(() => responses.length).toBe(40)
  const first = await Promise.race(calls)
  for (const response of responses) response.end()
  const outcomes = await Promise.all(calls)
  expect(first).toBe('UPSTREAM_BODY')
  expect(outcomes.filter(outcome => outcome === 'read').length).toBeGreaterThanOrEqual(32)
})

test('interim answers do not extend the timeout', async () => {
  const { upstream } = await upstreamThat((_request, response) => {
    const timer = setInterval(() => response.writeProcessing(), 20)
    response.once('close', () => clearInterval(timer))
  }, 300)
  expect(await failure(upstream.call({ path: '/' }, caller()))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
})

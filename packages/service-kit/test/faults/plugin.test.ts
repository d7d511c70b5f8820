import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import request from 'supertest'
import { Agent, request as call } from 'undici'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Service } from '../../src/service.ts'
import { listen, recordingLogger } from '../../src/testing.ts'
import { exampleService } from '../example.ts'

let app: Service
let origin: string
let lines: Record<string, unknown>[]

async function start (env: Record<string, string> = {}, host = '127.0.0.1') {
  const recorded = recordingLogger()
  lines = recorded.lines
  app = exampleService({ CHAOS_SEED: 'test', ...env }, recorded.logger)
  origin = host === '127.0.0.1' ? await listen(app) : await app.listen({ port: 0, host })
}

beforeEach(() => start())
afterEach(() => app.close())

const set = (rule: object) => request(origin).post('/blowup').send(rule)
const MANY = Object.fromEntries(Array.from({ length: 21 }, (_, percentile) => [percentile, 1]))
const portOf = () => Number(new URL(origin).port)

/** The access line of the only business request so far. */
async function accessLine () {
  await expect.poll(() => lines.filter(({ msg, path }) => msg === 'request' && path !== '/blowup')).toHaveLength(1)
  return lines.find(({ msg, path }) => msg === 'request' && path !== '/blowup')
}

/** Sends a GET over a bare socket; `ended` has the bytes that came back and the error that ended the connection. */
async function overSocket (path = '/items') {
  const socket = connect(portOf(), '127.0.0.1')
  let received = ''
  let error: NodeJS.ErrnoException | undefined
  socket.on('data', data => { received += data.toString() })
  socket.on('error', found => { error = found })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: example\r\n\r\n`)
  const ended = new Promise<{ received: string, error: string | undefined }>(resolve => {
    socket.once('close', () => resolve({ received, error: error?.code }))
  })
  return { socket, ended }
}

test("the book's calls set, show, switch off and delete a rule", async () => {
  const posted = await set({ active: true, type: '500', percentage: 100 })
  expect(posted.status).toBe(200)
  expect(posted.text).toMatch(/^blowups=\{"500":/)
  expect((await request(origin).get('/items')).status).toBe(500)

  const read = await request(origin).get('/blowup')
  expect(read.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(read.text).toMatch(/^\{\n {2}"500": \{\n {4}"active": true,\n {4}"type": "500",\n {4}"percentage": 100,/)
  expect(read.body['500'].state).toMatchObject({ seed: 'test', hits: 1 })

  await set({ active: false, type: '500' })
  expect((await request(origin).get('/items')).status).toBe(200)

  const deleted = await request(origin).delete('/blowup').send({ type: '500' })
  expect(deleted.text).toBe('deleted blowup 500')
  expect((await request(origin).get('/blowup')).text).toBe('{}')
})

test('an injected 500 has no body, and is marked in its header, the log and the metrics', async () => {
  await set({ type: '500' })
  const answer = await request(origin).get('/items')
  expect(answer).toMatchObject({ status: 500, text: '' })
  expect(answer.headers).toMatchObject({
    'x-chaos': '500', 'x-served-by': 'example-1', 'x-served-version': 'v1', 'content-length': '0'
  })
  expect(await accessLine()).toMatchObject({ status: 500, fault: '500' })
  const labels = 'method="GET",route="/items",status="500",version="v1",fault="500"'
  const { text } = await request(origin).get('/metrics')
  expect(text).toContain(`http_server_request_duration_seconds_count{${labels}} 1`)
})

test('an answer without a fault is not marked', async () => {
  await set({ type: '500', percentage: 0 })
  const answer = await request(origin).get('/items')
  expect(answer.headers).not.toHaveProperty('x-chaos')
  expect(await accessLine()).not.toHaveProperty('fault')
})

test('abort answers with any 4xx or 5xx status', async () => {
  for (const status of [429, 503, 599]) {
    await set({ type: 'abort', status })
    const answer = await request(origin).get('/items')
    expect([answer.status, answer.headers['x-chaos']]).toEqual([status, 'abort'])
  }
})

test('latency delays the answer and does not change it', async () => {
  await set({ type: 'latency', latencyMs: 300 })
  const start = performance.now()
  const answer = await request(origin).get('/items')
  expect(performance.now() - start).toBeGreaterThanOrEqual(299) // it may be later on a busy machine
  expect(answer.body).toEqual([1, 2, 3])
  expect(answer.headers['x-chaos']).toBe('latency')
})

test('past the limit of delayed requests, a hit request gets a 503, and others are served as usual', async () => {
  await set({ type: 'latency', latencyMs: 60_000, scope: { path: '/items' } })
  const delayed = Array.from({ length: 500 }, () => fetch(`${origin}/items`).catch(() => undefined))
  const state = async () => (await request(origin).get('/blowup')).body.latency.state
  await expect.poll(async () => (await state()).hits, { timeout: 30_000 }).toBe(500)
  const refused = await request(origin).get('/items')
  expect([refused.status, refused.headers['x-chaos'], refused.headers['retry-after'], refused.body.message])
    .toEqual([503, 'latency', '1', 'faults delay 500 requests, which is the limit; try again'])
  expect((await request(origin).get('/other')).status).toBe(404)
  await app.close()
  await Promise.all(delayed)
}, 60_000)

test('with latency and abort, the 503 comes after the delay', async () => {
  await set({ type: 'abort', status: 503 })
  await set({ type: 'latency', latencyMs: 200 })
  const start = performance.now()
  const answer = await request(origin).get('/items')
  expect(performance.now() - start).toBeGreaterThanOrEqual(199)
  expect([answer.status, answer.headers['x-chaos']]).toEqual([503, 'latency,abort'])
})

test('drop closes the connection with a FIN and no answer', async () => {
  await set({ type: 'drop' })
  const { ended } = await overSocket()
  expect(await ended).toEqual({ received: '', error: undefined })
  expect(await accessLine()).toMatchObject({ status: 0, fault: 'drop' })
})

test('drop sends a FIN, not an RST, also to a request with a body', async () => {
  await set({ type: 'drop' })
  const socket = connect(portOf(), '127.0.0.1')
  const failed = new Promise(resolve => socket.once('error', resolve))
  const closed = once(socket, 'close').then(() => 'closed without error')
  const head = 'POST /items HTTP/1.1\r\nHost: example\r\nContent-Type: application/json\r\nContent-Length: 40000'
  socket.write(`${head}\r\n\r\n${'x'.repeat(40_000)}`)
  socket.resume()
  expect(await Promise.race([closed, failed])).toBe('closed without error')
})

test('drop with mode rst resets the connection', async () => {
  await set({ type: 'drop', mode: 'rst' })
  const { ended } = await overSocket()
  expect(await ended).toEqual({ received: '', error: 'ECONNRESET' })
  expect(await accessLine()).toMatchObject({ status: 0, fault: 'drop' })
})

test('drop with mode hang holds the connection open without an answer, then closes it', async () => {
  await set({ type: 'drop', mode: 'hang', hangMs: 300 })
  const start = performance.now()
  const { ended } = await overSocket()
  expect(await ended).toEqual({ received: '', error: undefined })
  expect(performance.now() - start).toBeGreaterThanOrEqual(299)
})

test('at most a hundred connections are held; the next is closed at once', async () => {
  await set({ type: 'drop', mode: 'hang', hangMs: 60_000 })
  const held = await Promise.all(Array.from({ length: 100 }, () => overSocket()))
  await expect.poll(async () => (await request(origin).get('/blowup')).body.drop.state.hits).toBe(100)
  const { ended } = await overSocket()
  expect(await ended).toEqual({ received: '', error: undefined })
  for (const { socket } of held) expect(socket.destroyed).toBe(false)
  for (const { socket } of held) socket.destroy()
})

test('a service that closes also closes the connections that it holds', async () => {
  await set({ type: 'drop', mode: 'hang', hangMs: 60_000 })
  const { ended } = await overSocket()
  await expect.poll(async () => (await request(origin).get('/blowup')).body.drop.state.hits).toBe(1)
  await app.close()
  expect((await ended).received).toBe('')
})

test('a client that disconnects during a delay has a log line with status 0', async () => {
  await set({ type: 'latency', latencyMs: 60_000 })
  const { socket } = await overSocket()
  await expect.poll(async () => (await request(origin).get('/blowup')).body.latency.state.hits).toBe(1)
  socket.destroy()
  expect(await accessLine()).toMatchObject({ status: 0, fault: 'latency' })
})

test('drop with 50 % drops half of the connections, and answers the other half', async () => {
  await set({ type: 'drop', percentage: 50 })
  const outcomes = await Promise.all(Array.from({ length: 200 }, async () => {
    const { socket, ended } = await overSocket()
    socket.once('data', () => socket.end())
    return (await ended).received.startsWith('HTTP/1.1 200')
  }))
  const answered = outcomes.filter(Boolean).length
  expect(answered).toBeGreaterThan(65) // of 200 draws at 50 %, 66 to 134 hit, except for one seed in a million
  expect(answered).toBeLessThan(135)
})

test('pipelined requests on a held connection are held too', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  await set({ type: 'drop', mode: 'hang', hangMs: 300 })
  const { socket, ended } = await overSocket()
  socket.write('GET /items HTTP/1.1\r\nHost: example\r\n\r\n'.repeat(20))
  expect(await ended).toEqual({ received: '', error: undefined })
  expect(warned).not.toHaveBeenCalled()
  process.off('warning', warned)
})

test.each([
  '/it%65ms', '/%69tems?x=1', '/items/', '/items/%zz', '/items/%e4'
])('a rule hits a path in every spelling that the router accepts: %s', async path => {
  await set({ type: '500' })
  const { socket, ended } = await overSocket(path)
  socket.once('data', () => socket.end())
  expect((await ended).received).toMatch(/^HTTP\/1\.1 500 /)
})

test('probes, metrics, documentation and /blowup are never hit, in any spelling', async () => {
  await set({ type: '500', scope: { path: '/' } })
  const paths = [
    '/healthz', '/readyz', '/metrics', '/docs/json', '/blowup', '/%62lowup', '/healthz/', '/healthz?items'
  ]
  for (const path of paths) {
    expect((await request(origin).get(path)).status, path).toBe(200)
  }
  expect((await request(origin).get('/items')).status).toBe(500)
})

test.each([
  '/healthz', '/docs/json', '/blowup', '/metrics'
])('a rule for the operational route %s is refused', async path => {
  const answer = await set({ type: '500', scope: { path } })
  expect(answer.status).toBe(400)
  expect(answer.body.problems[0].where).toBe('body/scope/path')
})

test.each<[object, string]>([
  [{}, "body must have required property 'type'"],
  [{ type: 'undefined' }, 'body/type must be one of 500, abort, latency, drop'],
  [{ type: '__proto__' }, 'body/type must be one of 500, abort, latency, drop'],
  [{ type: '500', percentage: 101 }, 'body/percentage must be <= 100'],
  [{ type: '500', percentage: '50' }, 'body/percentage must be number'],
  [{ type: '500', percent: 50 }, 'body must not have "percent"'],
  [{ type: '500', name: '__proto__' }, 'body/name must be letters, digits, dots, dashes and underscores'],
  [{ type: 'abort', status: 200 }, 'body/status must be >= 400'],
  [{ type: 'latency', latencyMs: 3_600_000 }, 'body/latencyMs must be <= 60000'],
  [{ type: 'drop', mode: 'explode' }, 'body/mode must be one of fin, rst, hang'],
  [{ type: '500', count: 0 }, 'body/count must be >= 1'],
  [{ type: '500', scope: {} }, 'body/scope must NOT have fewer than 1 properties'],
  [{ type: 'latency', distribution: 'percentiles', percentiles: { p50: 20 } }, 'body/percentiles must not have "p50"'],
  [{ type: 'latency', distribution: 'percentiles', percentiles: MANY },
    'body/percentiles must NOT have more than 20 properties']
])('an invalid rule gets a 400 that says what is wrong and where: %j', async (rule, message) => {
  const answer = await set(rule)
  expect(answer.status).toBe(400)
  expect(answer.body.message).toContain(message)
  expect((await request(origin).get('/blowup')).text).toBe('{}')
})

test('a body with __proto__ as a key is refused and changes no prototype', async () => {
  const answer = await request(origin).post('/blowup').type('json').send('{"type":"500","__proto__":{"polluted":1}}')
  expect(answer.status).toBe(400)
  expect({}).not.toHaveProperty('polluted')
})

test('a rule that a page of another site sends as a form is refused', async () => {
  const answer = await request(origin).post('/blowup').type('form').send('{"type":"500"}')
  expect(answer.status).toBe(415)
  expect(answer.body.message).toContain('application/json')
  const preflight = await request(origin).options('/blowup')
    .set('Origin', 'http://evil.example').set('Access-Control-Request-Method', 'POST')
  expect(preflight.status).toBe(405)
  expect(preflight.headers).not.toHaveProperty('access-control-allow-origin')
})

test.each([
  ['{"type":"500","name":"x"}'], ['{}'], ['{"type":"nonsense"}'], ['{"kind":"500"}']
])('an invalid deletion gets a 400 and deletes nothing: %s', async body => {
  await set({ type: '500' })
  expect((await request(origin).delete('/blowup').type('json').send(body)).status).toBe(400)
  expect((await request(origin).get('/items')).status).toBe(500)
})

test('DELETE without a body deletes every rule, whether or not a content type is sent', async () => {
  for (const call of [request(origin).delete('/blowup'), request(origin).delete('/blowup').type('json')]) {
    await set({ type: '500' })
    await set({ name: 'slow', type: 'latency' })
    expect((await call).text).toBe('deleted blowup rules')
    expect((await request(origin).get('/blowup')).text).toBe('{}')
  }
})

// A sidecar delivers requests of the mesh from 127.0.0.6.
test('by default only callers inside the pod may read and set rules, and no header changes that', async () => {
  const fromSidecar = new Agent({ localAddress: '127.0.0.6' })
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    const { statusCode, body } = await call(`${origin}/blowup`, {
      dispatcher: fromSidecar,
      method,
      headers: {
        'x-forwarded-for': '127.0.0.1',
        forwarded: 'for=127.0.0.1',
        'x-real-ip': '127.0.0.1',
        'content-type': 'application/json'
      },
      body: method === 'GET' ? null : '{"type":"500"}'
    })
    expect(statusCode).toBe(403)
    const message = expect.stringMatching(/CHAOS_ACCESS=local.*127\.0\.0\.6/)
    expect(await body.json()).toMatchObject({ code: 'CHAOS_FORBIDDEN', message })
  }
  expect((await request(origin).get('/blowup')).text).toBe('{}')
  await fromSidecar.close()
})

const outside = Object.values(networkInterfaces()).flat()
  .find(address => address?.family === 'IPv4' && !address.internal)?.address

test.skipIf(outside === undefined)('a caller from another interface is refused', async () => {
  await app.close()
  await start({}, '0.0.0.0')
  const { statusCode, body } = await call(`http://${outside}:${portOf()}/blowup`)
  await body.dump()
  expect(statusCode).toBe(403)
})

test('both loopback addresses may read and set rules on a dual-stack socket', async () => {
  await app.close()
  await start({}, '::')
  for (const host of ['127.0.0.1', '[::1]']) {
    const { statusCode, body } = await call(`http://${host}:${portOf()}/blowup`)
    await body.dump()
    expect(statusCode).toBe(200)
  }
})

test('with CHAOS_ACCESS=any every caller may read and set rules, with off none', async () => {
  for (const [access, status] of [['any', 200], ['off', 403]] as const) {
    await app.close()
    await start({ CHAOS_ACCESS: access })
    const agent = new Agent({ localAddress: access === 'any' ? '127.0.0.6' : '127.0.0.1' })
    const { statusCode, body } = await call(`${origin}/blowup`, { dispatcher: agent })
    await body.dump()
    expect(statusCode).toBe(status)
    await agent.close()
  }
})

test('a rule in one service does not affect another service', async () => {
  await set({ type: '500' })
  const other = exampleService()
  expect((await other.inject('/items')).statusCode).toBe(200)
  await other.close()
})

test('after a drop, the service closes its side of the connection too', async () => {
  await set({ type: 'drop' })
  const sockets: Socket[] = []
  app.server.on('connection', socket => sockets.push(socket))
  const { ended } = await overSocket()
  await ended
  await expect.poll(() => sockets.every(socket => socket.destroyed)).toBe(true)
})

test('a call with x-chaos-pod is served by that pod, and refused by every other', async () => {
  const rule = { type: '500' }
  const refused = [
    await request(origin).get('/blowup').set('x-chaos-pod', 'example-2'),
    await request(origin).post('/blowup').set('x-chaos-pod', 'example-2').send(rule),
    await request(origin).delete('/blowup').set('x-chaos-pod', 'example-2')
  ]
  for (const { status, body, headers } of refused) {
    expect([status, body.code, headers['x-served-by']]).toEqual([421, 'CHAOS_OTHER_POD', 'example-1'])
    expect(body.message).toBe('this is pod example-1, but x-chaos-pod names example-2; try again to reach another pod')
  }
  expect((await request(origin).get('/blowup')).body).toEqual({})

  const posted = await request(origin).post('/blowup').set('x-chaos-pod', 'example-1').send(rule)
  expect(posted.text).toMatch(/^blowups=/)
  const shown = await request(origin).get('/blowup').set('x-chaos-pod', 'example-1')
  expect(shown.body).toMatchObject({ 500: { active: true } })
})

import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { AlwaysOffSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { Registry } from 'prom-client'
import request from 'supertest'
import { expect, onTestFinished, test } from 'vitest'
import { callerOf, parseConfig, baseConfig, createService } from '../../src/index.ts'
import { Type } from '../../src/schema.ts'
import { listen, recordingLogger, stubUpstream } from '../../src/testing.ts'
import { propagatorFor } from '../../src/tracing/propagator.ts'
import { Upstream } from '../../src/upstream/index.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SAMPLED = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }

/** Starts a service with tracing that calls a stub; `spans` waits for a number of finished spans. */
async function traced ({ sampled = true } = {}) {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    ...(!sampled && { sampler: new AlwaysOffSampler() })
  })
  const { logger, lines } = recordingLogger()
  const stub = await stubUpstream((request, response) => {
    if (request.url === '/wait') return
    if (request.url === '/hang') return request.socket.destroy()
    const fault = request.url === '/odd' ? '{"a":1}' : '500'
    response.writeHead(request.url === '/broken' ? 503 : 200, { 'x-chaos': fault }).end('[]')
  })
  const Config = Type.Object({ ...baseConfig, PORT: Type.Integer({ default: 0 }) })
  const app = createService(parseConfig(Config, { CHAOS_ACCESS: 'any' }), {
    name: 'example',
    description: 'An example.',
    logger,
    telemetry: {
      tracer: provider.getTracer('test'),
      propagator: propagatorFor(),
      shutdown: () => provider.shutdown()
    },
    isBusinessPath: path => path.startsWith('/items')
  })
  const metrics = new Registry()
  const upstream = new Upstream({ trust: 'inside', name: 'stub', origin: stub.origin, timeoutMs: 30_000, metrics })
  app.get<{ Params: { id: string } }>('/items/:id', async (request, reply) => {
    const answer = await upstream.call({ path: `/${request.params.id}` }, callerOf(request, reply))
    return answer.requireStatus(200).body
  })
  const origin = await listen(app)
  onTestFinished(async () => {
    await app.close()
    await upstream.close()
    await stub.close()
  })
  const spans = async (n: number) => {
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(n)
    return exporter.getFinishedSpans()
  }
  return { origin, spans, stub, lines, exporter }
}

test('a request has a server span and a client span below it, and its call has the client span', async () => {
  const { origin, spans, stub } = await traced()
  await request(origin).get('/items/7?secret=1').set(SAMPLED).set('user-agent', 'test').expect(200)
  const [client, server] = await spans(2)
  expect(server).toMatchObject({
    name: 'GET /items/:id',
    kind: SpanKind.SERVER,
    parentSpanContext: { spanId: '00f067aa0ba902b7' },
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/items/:id',
      'url.path': '/items/7',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(origin).port),
      'client.address': '127.0.0.1',
      'user_agent.original': 'test',
      'network.protocol.version': '1.1'
    },
    status: { code: SpanStatusCode.UNSET }
  })
  expect(client).toMatchObject({
    name: 'GET',
    kind: SpanKind.CLIENT,
    parentSpanContext: { spanId: server?.spanContext().spanId },
    attributes: {
      'http.request.method': 'GET',
      'url.full': `${stub.origin}/7`,
      'http.response.status_code': 200,
      'service.peer.name': 'stub',
      'outfitters.fault': '500'
    }
  })
  for (const span of [client, server]) expect(span?.spanContext().traceId).toBe(TRACE)
  expect(stub.requests[0]?.headers['traceparent']).toBe(`00-${TRACE}-${client?.spanContext().spanId}-01`)
  expect(JSON.stringify(server?.attributes)).not.toContain('secret')
})

test.each([
  ['/items/broken', 500, '500', '503'],
  ['/items/hang', 500, '500', 'UPSTREAM_UNREACHABLE']
])('a failure shows in both spans: %s', async (path, status, server, client) => {
  const { origin, spans } = await traced()
  await request(origin).get(path).expect(status)
  const errors = (await spans(2)).map(({ attributes, status }) => [attributes['error.type'], status.code])
  expect(errors).toEqual([[client, SpanStatusCode.ERROR], [server, SpanStatusCode.ERROR]])
})

test('if the client disconnects, the server span is an error, and the client span is not', async () => {
  const { origin, spans, stub } = await traced()
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write('GET /items/wait HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => stub.requests.length).toBe(1)
  socket.destroy()
  const finished = await spans(2)
  const client = finished.find(({ kind }) => kind === SpanKind.CLIENT)
  const server = finished.find(({ kind }) => kind === SpanKind.SERVER)
  expect(client).toMatchObject({
    status: { code: SpanStatusCode.UNSET }, attributes: { 'outfitters.caller_gone': true }
  })
  expect(client?.attributes).not.toHaveProperty('error.type')
  expect(server?.attributes).toMatchObject({ 'error.type': 'connection_closed' })
})

test.each([
  ['an IPv6 Host', 'HTTP/1.1\r\nHost: [2001:db8::1]:8080', {
    'server.address': '2001:db8::1', 'server.port': 8080
  }],
  ['an IPv6 Host without a port', 'HTTP/1.1\r\nHost: [2001:db8::1]', {
    'server.address': '2001:db8::1', 'server.port': 80
  }],
  ['a Host without a port', 'HTTP/1.1\r\nHost: catalog', { 'server.address': 'catalog', 'server.port': 80 }],
  ['no Host', 'HTTP/1.0', {}],
  ['an empty x-forwarded-for', 'HTTP/1.1\r\nHost: catalog\r\nX-Forwarded-For:', { 'client.address': '127.0.0.1' }],
  ['two proxies', 'HTTP/1.1\r\nHost: catalog\r\nX-Forwarded-For: 10.0.0.9, 10.0.0.1', {
    'client.address': '10.0.0.9'
  }]
])('the span of a request with %s has the addresses that are known', async (_, head, expected) => {
  const { origin, spans } = await traced()
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write(`GET /nothing ${head}\r\nConnection: close\r\n\r\n`)
  expect(await text(socket)).toContain(' 404 ')
  const attributes = (await spans(1))[0]?.attributes ?? {}
  expect(attributes).toMatchObject(expected)
  if (Object.keys(expected).length > 0) return
  expect(Object.keys(attributes).filter(name => name.startsWith('server.'))).toEqual([])
})

test('the span of a method that the semantic conventions do not name has _OTHER', async () => {
  const { origin, spans } = await traced()
  await request(origin).propfind('/items/7').expect(404)
  expect((await spans(1))[0]).toMatchObject({
    name: 'HTTP',
    attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' }
  })
})

test('an invalid fault of an upstream becomes other in the span, as in the metrics', async () => {
  const { origin, spans } = await traced()
  await request(origin).get('/items/odd').expect(200)
  expect((await spans(2))[0]?.attributes['outfitters.fault']).toBe('other')
})

test('a 4xx is not an error of the server span', async () => {
  const { origin, spans } = await traced()
  await request(origin).get('/nothing').expect(404)
  const [server] = await spans(1)
  expect(server).toMatchObject({
    name: 'GET', attributes: { 'http.response.status_code': 404 }, status: { code: SpanStatusCode.UNSET }
  })
})

test('an injected fault has its own span, as long as its delay, and marks the server span', async () => {
  const { origin, spans } = await traced()
  await request(origin).post('/blowup').send({ type: 'latency', latencyMs: 60 }).expect(200)
  await request(origin).post('/blowup').send({ type: '500' }).expect(200)
  await request(origin).get('/items/7').expect(500)
  const [fault, server] = await spans(2)
  expect(fault).toMatchObject({
    name: 'fault latency,500',
    parentSpanContext: { spanId: server?.spanContext().spanId },
    attributes: { 'outfitters.fault': 'latency,500', 'outfitters.fault.delay_ms': 60 }
  })
  const [seconds = 0, nanoseconds = 0] = fault?.duration ?? []
  expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThanOrEqual(59)
  expect(server?.attributes).toMatchObject({ 'outfitters.fault': 'latency,500', 'error.type': '500' })
})

test.each([
  ['a delay', { type: 'latency', latencyMs: 60_000 }],
  ['a held connection', { type: 'drop', mode: 'hang' }]
])('if the client disconnects during %s, the span of the fault ends then', async (_, rule) => {
  const { origin, spans, exporter } = await traced()
  await request(origin).post('/blowup').send(rule).expect(200)
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write('GET /items/7 HTTP/1.1\r\nHost: x\r\n\r\n')
  const hits = async () => (await request(origin).get('/blowup')).body[rule.type].state.hits
  await expect.poll(hits).toBe(1)
  await sleep(100)
  expect(exporter.getFinishedSpans()).toEqual([])
  socket.destroy()
  const [fault, server] = await spans(2)
  expect([fault?.name, server?.name]).toEqual([`fault ${rule.type}`, 'GET /items/:id'])
  const [seconds = 0, nanoseconds = 0] = fault?.duration ?? []
  expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(50)
})

test('a dropped connection ends its span as an error', async () => {
  const { origin, spans } = await traced()
  await request(origin).post('/blowup').send({ type: 'drop' }).expect(200)
  await request(origin).get('/items/7').catch(() => {})
  const server = (await spans(2)).find(({ kind }) => kind === SpanKind.SERVER)
  expect(server?.attributes).toMatchObject({ 'error.type': 'connection_closed', 'outfitters.fault': 'drop' })
})

test('probes, metrics and documentation leave no spans', async () => {
  const { origin, exporter } = await traced()
  for (const path of ['/healthz', '/readyz', '/metrics', '/docs/json', '/blowup']) {
    await request(origin).get(path).expect(200)
  }
  await request(origin).get('/items/7').expect(200)
  await expect.poll(() => exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['GET', 'GET /items/:id'])
})

test('every line of a request names its span', async () => {
  const { origin, spans, lines } = await traced()
  await request(origin).get('/items/broken').set(SAMPLED).expect(500)
  const server = (await spans(2))[1]
  const ids = { trace_id: TRACE, span_id: server?.spanContext().spanId }
  await expect.poll(() => lines.filter(({ msg }) => msg === 'request')).toEqual([expect.objectContaining(ids)])
  expect(lines.find(({ msg }) => msg === 'request failed')).toMatchObject(ids)
})

test('an unsampled trace continues with our span and the decision', async () => {
  const { origin, exporter, stub, lines } = await traced({ sampled: false })
  await request(origin).get('/items/7').set(SAMPLED).set('b3', `${TRACE}-00f067aa0ba902b7-1`).expect(200)
  const { traceparent, b3 } = stub.requests[0]?.headers ?? {}
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[\\da-f]{16}-00$`))
  expect(b3).toMatch(new RegExp(`^${TRACE}-[\\da-f]{16}-0$`))
  await expect.poll(() => lines.some(({ msg }) => msg === 'request')).toBe(true)
  expect(exporter.getFinishedSpans()).toEqual([])
})

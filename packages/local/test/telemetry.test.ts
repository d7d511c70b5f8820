// Tracing as it is switched on from outside: by an OTLP endpoint in the environment, and by nothing else.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { afterEach, expect, test, vi } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

const SERVER = join(ROOT, 'services/catalog/src/server.ts')
const closers: (() => unknown)[] = []
afterEach(async () => { for (const close of closers.splice(0)) await close() })

interface Span { name: string, traceId: string, attributes: { key: string, value: { stringValue?: string } }[] }
interface Export { resourceSpans: { resource: { attributes: Span['attributes'] }, scopeSpans: { spans: Span[] }[] }[] }

/** The catalog as a process of its own, once it is ready. */
async function catalog (env: Record<string, string>, flags: string[] = []) {
  const child = spawn(process.execPath, [...flags, SERVER], { env: { PORT: '0', HOST: '127.0.0.1', HOSTNAME: 'catalog-1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  closers.push(() => child.kill('SIGKILL'))
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => { log += piece })
  const origin = await vi.waitFor(() => {
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0]
    if (found === undefined) throw new Error(`not ready: ${log}`)
    return found
  }, { timeout: 15_000 })
  return { child, origin, log: () => log }
}

/** The lines of a log, each of which is an object. */
const linesOf = (log: string) => log.trim().split('\n').map(line => JSON.parse(line) as { level: string, msg: string, service?: string, details?: unknown[] })

async function end (child: ChildProcess): Promise<number | null> {
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit') as [number | null]
  return code
}

test('spans go to the collector, with service, version and pod as their resource, the last ones at the end', async () => {
  const exports: Export[] = []
  const collector = await stubUpstream(async (request, response) => {
    exports.push(JSON.parse(await text(request)) as Export)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  closers.push(collector.close)
  const { child, origin } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '600000', // nothing is sent before the end
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=lab',
    POD_NAMESPACE: 'shop',
    SERVICE_VERSION: 'v7'
  })
  await request(origin).get('/items/1').expect(200)
  await request(origin).get('/healthz').expect(200)
  expect(exports).toEqual([])
  expect(await end(child)).toBe(0)

  const [resourceSpans] = exports.flatMap(({ resourceSpans }) => resourceSpans)
  expect(resourceSpans?.scopeSpans.flatMap(({ spans }) => spans).map(({ name }) => name)).toEqual(['GET /items/:id'])
  expect(Object.fromEntries(resourceSpans?.resource.attributes.map(({ key, value }) => [key, value.stringValue]) ?? [])).toMatchObject({
    'service.name': 'catalog.shop',
    'service.version': 'v7',
    'service.instance.id': 'catalog-1',
    'k8s.pod.name': 'catalog-1',
    'k8s.namespace.name': 'shop',
    'deployment.environment.name': 'lab'
  })
  expect(collector.requests.map(({ url }) => url)).toEqual(['/v1/traces']) // no metrics, no logs
})

test('the samplers of the specification are heeded', async () => {
  const { child, origin, log } = await catalog({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'parentbased_always_off' })
  await request(origin).get('/items').expect(200)
  await vi.waitFor(() => expect(log()).toMatch(/"msg":"request".*"span_id":"[\da-f]{16}"|"span_id":"[\da-f]{16}".*"msg":"request"/))
  expect(await end(child)).toBe(0)
  expect(log()).not.toContain('tracing:') // nothing was sampled, so nobody missed the collector
})

test('a collector that is not there costs no request, says so in the log, and does not hold up the end', async () => {
  const { child, origin, log } = await catalog({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
  for (let i = 0; i < 5; i++) await request(origin).get('/items').expect(200)
  await vi.waitFor(() => expect(log()).toMatch(/"level":"warn".*tracing:/), { timeout: 15_000 })
  expect(await end(child)).toBe(0)
})

test('a collector that refuses the last spans does not spoil the end', async () => {
  const collector = await stubUpstream((_request, response) => response.writeHead(400).end())
  closers.push(collector.close)
  const { child, origin } = await catalog({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin, OTEL_BSP_SCHEDULE_DELAY: '600000' })
  await request(origin).get('/items').expect(200)
  expect(await end(child)).toBe(0)
  expect(collector.requests.length).toBeGreaterThan(0)
})

test('of mistaken values the log warns, and they count as unset, as the specification has it', async () => {
  const collector = await stubUpstream((_request, response) => response.end())
  closers.push(collector.close)
  const { child, origin, log } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
    OTEL_SDK_DISABLED: 'yes',
    OTEL_PROPAGATORS: 'jaeger',
    OTEL_TRACES_EXPORTER: 'jaeger',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'pigeon',
    OTEL_BSP_SCHEDULE_DELAY: '-1',
    OTEL_LOG_LEVEL: 'loud'
  })
  await request(origin).get('/items').expect(200)
  expect(await end(child)).toBe(0)
  expect(collector.requests.map(({ url, headers }) => [url, headers['content-type']])).toEqual([['/v1/traces', 'application/x-protobuf']])
  const warnings = linesOf(log()).filter(({ level }) => level === 'warn').map(({ msg }) => msg)
  const mistaken = ["Unknown value 'yes' for OTEL_SDK_DISABLED", 'OTEL_PROPAGATORS names "jaeger"', 'OTEL_TRACES_EXPORTER is "jaeger"', 'OTEL_TRACES_SAMPLER is "sometimes"', 'pigeon', 'OTEL_BSP_SCHEDULE_DELAY', 'OTEL_LOG_LEVEL is "loud"']
  expect(warnings).toEqual(expect.arrayContaining(mistaken.map(text => expect.stringContaining(text))))
  expect(warnings).toHaveLength(mistaken.length)
})

test.each(['2', 'half', '-1'])('a share of %s is none: the log says so, and all is sampled', async OTEL_TRACES_SAMPLER_ARG => {
  const { child, origin, log } = await catalog({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG, OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
  await request(origin).get('/items').expect(200)
  expect(await end(child)).toBe(0)
  expect(linesOf(log())).toContainEqual(expect.objectContaining({ level: 'warn', msg: expect.stringContaining(`OTEL_TRACES_SAMPLER_ARG is "${OTEL_TRACES_SAMPLER_ARG}"`) }))
  expect(log()).toContain('127.0.0.1:9') // which refused the span
})

test('OTEL_LOG_LEVEL has the SDK speak, in lines like all others', async () => {
  const { child, log } = await catalog({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_LOG_LEVEL: 'debug', LOG_LEVEL: 'info' })
  expect(await end(child)).toBe(0)
  const lines = linesOf(log())
  expect(lines.filter(({ level, msg }) => level === 'debug' && msg.startsWith('tracing: ')).length).toBeGreaterThan(0)
  expect(lines.every(({ service }) => service === 'catalog')).toBe(true)
  expect(lines.filter(({ details }) => details !== undefined && details.length === 0)).toEqual([])
})

test.each([
  ['nothing', {}, false],
  ['OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'TRUE' }, false],
  ['OTEL_TRACES_EXPORTER=none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_EXPORTER: 'none' }, false],
  ['an endpoint', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces' }, true]
])('with %s in the environment: is the SDK loaded?', async (_, env, isLoaded) => {
  const { child, log } = await catalog(env, ['--import', `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({ resolve (name, context, next) { if (name.startsWith('@opentelemetry/sdk-node')) console.log('the SDK'); return next(name, context) } })`)}`])
  expect(await end(child)).toBe(0)
  expect(log().includes('the SDK')).toBe(isLoaded)
})

test('an endpoint that is none ends the start', async () => {
  const child = spawn(process.execPath, [SERVER], { env: { PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: 'jaeger:4318' }, stdio: ['ignore', 'ignore', 'pipe'] })
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect([code, said]).toEqual([1, expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT must match format "http-url"')])
})

// Tracing in a real process. Only an OTLP endpoint in the environment turns it on.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

const SERVER = join(ROOT, 'services/catalog/src/server.ts')
/** On a busy machine, a process takes long to start and to log. */
const WAIT = { timeout: 60_000 }
vi.setConfig({ testTimeout: 180_000 })

/** An endpoint on which nothing listens. */
const NOWHERE = 'http://127.0.0.1:9'

type Attributes = { key: string, value: { stringValue?: string } }[]
interface Export {
  resourceSpans: { resource: { attributes: Attributes }, scopeSpans: { spans: { name: string }[] }[] }[]
}

/** Starts the catalog as a process, and waits until it listens. */
async function catalog (env: Record<string, string>, flags: string[] = []) {
  const child = spawn(process.execPath, [...flags, SERVER], {
    env: { PORT: '0', HOST: '127.0.0.1', HOSTNAME: 'catalog-1', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  onTestFinished(() => { child.kill('SIGKILL') })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => { log += piece })
  }
  const origin = await vi.waitFor(() => {
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0]
    if (found === undefined) throw new Error(`not ready: ${log}`)
    return found
  }, WAIT)
  return { child, origin, log: () => log }
}

interface LogLine { level: string, msg: string, service?: string, details?: unknown[] }

const linesOf = (log: string) => log.trim().split('\n').map(line => JSON.parse(line) as LogLine)

/** Sends SIGTERM to a process, and waits for its exit code. */
async function end (child: ChildProcess): Promise<number | null> {
  child.kill('SIGTERM')
  const [code] = await once(child, 'close') as [number | null] // with the last lines of its log
  return code
}

test('the collector gets all spans, also the last ones, with service, version and pod as their resource', async () => {
  const exports: Export[] = []
  const collector = await stubUpstream(async (request, response) => {
    exports.push(JSON.parse(await text(request)) as Export)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  onTestFinished(collector.close)
  const { child, origin } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '600000', // the service sends nothing before it ends
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
  const attributes = resourceSpans?.resource.attributes.map(({ key, value }) => [key, value.stringValue]) ?? []
  expect(Object.fromEntries(attributes)).toMatchObject({
    'service.name': 'catalog.shop',
    'service.version': 'v7',
    'service.instance.id': 'catalog-1',
    'k8s.pod.name': 'catalog-1',
    'k8s.namespace.name': 'shop',
    'deployment.environment.name': 'lab'
  })
  expect(collector.requests.map(({ url }) => url)).toEqual(['/v1/traces']) // no metrics, no logs
})

test('OTEL_TRACES_SAMPLER chooses a sampler of the specification', async () => {
  const { child, origin, log } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE,
    OTEL_TRACES_SAMPLER: 'parentbased_always_off'
  })
  await request(origin).get('/items').expect(200)
  const span = '"span_id":"[\\da-f]{16}"'
  const line = new RegExp(`"msg":"request".*${span}|${span}.*"msg":"request"`)
  await vi.waitFor(() => expect(log()).toMatch(line), WAIT)
  expect(await end(child)).toBe(0)
  expect(log()).not.toContain('tracing:') // no span was sampled, so none failed to reach the collector
})

test('without a collector, the service logs a warning, answers every request, and ends in time', async () => {
  const { child, origin, log } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500'
  })
  for (let i = 0; i < 5; i++) await request(origin).get('/items').expect(200)
  await vi.waitFor(() => expect(log()).toMatch(/"level":"warn".*tracing:/), WAIT)
  expect(await end(child)).toBe(0)
})

test('if the collector refuses the last spans, the service still ends with 0', async () => {
  const collector = await stubUpstream((_request, response) => response.writeHead(400).end())
  onTestFinished(collector.close)
  const { child, origin } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
    OTEL_BSP_SCHEDULE_DELAY: '600000'
  })
  await request(origin).get('/items').expect(200)
  expect(await end(child)).toBe(0)
  expect(collector.requests.length).toBeGreaterThan(0)
})

test('wrong values count as unset, as the specification says, and the log warns about them', async () => {
  const collector = await stubUpstream((_request, response) => response.end())
  onTestFinished(collector.close)
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
  const sent = collector.requests.map(({ url, headers }) => [url, headers['content-type']])
  expect(sent).toEqual([['/v1/traces', 'application/x-protobuf']])
  const warnings = linesOf(log()).filter(({ level }) => level === 'warn').map(({ msg }) => msg)
  const expected = [
    "Unknown value 'yes' for OTEL_SDK_DISABLED",
    'OTEL_PROPAGATORS names "jaeger"',
    'OTEL_TRACES_EXPORTER is "jaeger"',
    'OTEL_TRACES_SAMPLER is "sometimes"',
    'pigeon',
    'OTEL_BSP_SCHEDULE_DELAY',
    'OTEL_LOG_LEVEL is "loud"'
  ]
  expect(warnings).toEqual(expect.arrayContaining(expected.map(text => expect.stringContaining(text))))
  expect(warnings).toHaveLength(expected.length)
})

test.each(['2', 'half', '-1'])('the ratio %s is wrong: the log warns, and every trace is sampled', async ratio => {
  const { child, origin, log } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: ratio,
    OTEL_EXPORTER_OTLP_TIMEOUT: '500'
  })
  await request(origin).get('/items').expect(200)
  expect(await end(child)).toBe(0)
  const msg = expect.stringContaining(`OTEL_TRACES_SAMPLER_ARG is "${ratio}"`)
  expect(linesOf(log())).toContainEqual(expect.objectContaining({ level: 'warn', msg }))
  expect(log()).toContain('127.0.0.1:9') // the service tried to send the span there
})

test('with OTEL_LOG_LEVEL the SDK writes to the log of the service, in the same format', async () => {
  const { child, log } = await catalog({
    OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE,
    OTEL_LOG_LEVEL: 'debug',
    LOG_LEVEL: 'info'
  })
  expect(await end(child)).toBe(0)
  const lines = linesOf(log())
  expect(lines.filter(({ level, msg }) => level === 'debug' && msg.startsWith('tracing: ')).length).toBeGreaterThan(0)
  expect(lines.every(({ service }) => service === 'catalog')).toBe(true)
  expect(lines.filter(({ details }) => details !== undefined && details.length === 0)).toEqual([])
})

test.each([
  ['nothing', {}, false],
  ['OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE, OTEL_SDK_DISABLED: 'TRUE' }, false],
  ['OTEL_TRACES_EXPORTER=none', { OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE, OTEL_TRACES_EXPORTER: 'none' }, false],
  ['an endpoint', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${NOWHERE}/v1/traces` }, true]
])('the SDK is loaded only to export traces: the environment has %s', async (_, env, isLoaded) => {
  const hook = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve (name, context, next) {
        if (name.startsWith('@opentelemetry/sdk-node')) console.log('the SDK')
        return next(name, context)
      }
    })`
  const { child, log } = await catalog(env, ['--import', `data:text/javascript,${encodeURIComponent(hook)}`])
  expect(await end(child)).toBe(0)
  expect(log().includes('the SDK')).toBe(isLoaded)
})

test('if the endpoint is not a URL, the service does not start', async () => {
  const env = { PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: 'jaeger:4318' }
  const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const [printed, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  const message = 'OTEL_EXPORTER_OTLP_ENDPOINT must match format "http-url"'
  expect([code, printed]).toEqual([1, expect.stringContaining(message)])
})

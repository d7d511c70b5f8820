// Runs a real collector with both configurations of the project. One gets log lines of a service from Docker, the other
// gets lines of a proxy's access log.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { join } from 'node:path'
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import { createLogger, parseConfig } from '@outfitters/service-kit'
import { stubUpstream } from '@outfitters/service-kit/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { ROOT } from '../../../scripts/project.ts'
import { freePorts } from '../src/ports.ts'

/** The collector: the official otelcol-k8s on the PATH, or the path in OTELCOL. otelcol.yaml builds one. */
const OTELCOL = process.env['OTELCOL'] ?? 'otelcol-k8s'
const hasCollector = spawnSync(OTELCOL, ['--version']).status === 0
if (!hasCollector) {
  console.warn(
    'NOT CHECKED: the configurations of the collector, because otelcol-k8s is not installed. ' +
    'packages/local/test/otelcol.yaml says how to build it.'
  )
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

interface Attribute {
  key: string
  value: { stringValue?: string }
}
interface LogRecord {
  body: { stringValue: string }
  severityText?: string
  severityNumber?: number
  traceId?: string
  spanId?: string
  attributes?: Attribute[]
}
interface Logs {
  resourceLogs: { resource: { attributes?: Attribute[] }, scopeLogs: { logRecords: LogRecord[] }[] }[]
}

const attributesOf = (attributes: Attribute[] = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]))

/** Runs a configuration on free ports. `delivered` has the log lines that Loki gets, each with its resource. */
async function collector (config: string, addresses: (ports: number[]) => string[]) {
  const delivered: { path: string, resource: Record<string, string | undefined>, record: LogRecord }[] = []
  const loki = await stubUpstream(async (request, response) => {
    const { resourceLogs } = (await json(request)) as Logs
    for (const { resource, scopeLogs } of resourceLogs) {
      for (const record of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
        delivered.push({ path: `${request.url}`, resource: attributesOf(resource.attributes), record })
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  onTestFinished(loki.close)
  const [health, ...ports] = await freePorts(4)
  const settings = [
    ...addresses(ports),
    `extensions::health_check::endpoint: 127.0.0.1:${health}`,
    'exporters::otlp_http/loki::encoding: json',
    'exporters::otlp_http/loki::compression: none'
  ]
  const child = spawn(OTELCOL, [`--config=yaml:${config}`, ...settings.map(setting => `--config=yaml:${setting}`)], {
    env: { ...process.env, LOKI_ENDPOINT: `${loki.origin}/otlp`, JAEGER_ENDPOINT: '127.0.0.1:9' },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => { log += piece })
  await vi.waitFor(() => expect(log).toContain('Everything is ready'), { timeout: 60_000 })
  return { delivered, ports }
}

/** Encodes a value in MessagePack. It supports only the types in a record of Docker's logging driver. */
function pack (value: string | number | object): Buffer {
  if (typeof value === 'number') return Buffer.from([0xce, ...uint32(value)])
  if (typeof value === 'string') {
    return Buffer.concat([Buffer.from([0xdb, ...uint32(Buffer.byteLength(value))]), Buffer.from(value)])
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(pack)])
  return Buffer.concat([Buffer.from([0x80 | Object.keys(value).length]), ...Object.entries(value).flat().map(pack)])
}

function uint32 (value: number): number[] {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return [...bytes]
}

describe.skipIf(!hasCollector)('the collector of compose', { timeout: 180_000 }, () => {
  const config = readFileSync(join(ROOT, 'observability/collector.yml'), 'utf8')

  async function running () {
    const { delivered, ports: [fluent] } = await collector(config, ([fluent, http, grpc]) => [
      `receivers::fluentforward::endpoint: 127.0.0.1:${fluent}`,
      `receivers::otlp::protocols::http::endpoint: 127.0.0.1:${http}`,
      `receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:${grpc}`
    ])
    const docker = connect(Number(fluent), '127.0.0.1')
    onTestFinished(() => { docker.destroy() })
    return {
      delivered,
      /** Sends a line of a container, as Docker's logging driver fluentd does. */
      write: (container: string, log: string) =>
        docker.write(
          pack(['id', 1_700_000_000, { container_id: 'id', container_name: `/${container}`, source: 'stdout', log }])
        )
    }
  }

  test('Loki gets the line of a service unchanged, with its service, level and trace as fields', async () => {
    const lines: string[] = []
    const config = { LOG_LEVEL: 'info', SERVICE_VERSION: 'v2', HOSTNAME: 'catalog-v2' } as const
    const logger = await createLogger('catalog', config, { write: line => { lines.push(line.trimEnd()) } })
    const app = buildCatalog(resolveVersion(parseConfig(CatalogEnv, { SERVICE_VERSION: 'v2' })), { logger })
    await app.inject({ url: '/items', headers: { traceparent: `00-${TRACE}-${SPAN}-01` } })
    await app.close()
    const line = lines.find(text => text.includes('"msg":"request"')) as string
    expect(JSON.parse(line)).toMatchObject({ service: 'catalog', trace_id: TRACE })

    const { delivered, write } = await running()
    write('outfitters-catalog-v2-1', line)
    const webapp = { service: 'webapp', version: 'v1', pod: 'webapp' }
    const failure = { level: 'error', ...webapp, trace_id: TRACE, span_id: SPAN, msg: 'failed' }
    write('outfitters-webapp-1', JSON.stringify(failure))
    await vi.waitFor(() => expect(delivered).toHaveLength(2), { timeout: 60_000 })
    expect(delivered).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          path: '/otlp/v1/logs',
          resource: { 'service.name': 'catalog', 'service.version': 'v2', 'service.instance.id': 'catalog-v2' },
          record: expect.objectContaining({
            body: { stringValue: line },
            severityText: 'info',
            severityNumber: 9,
            traceId: TRACE
          })
        }),
        expect.objectContaining({
          resource: { 'service.name': 'webapp', 'service.version': 'v1', 'service.instance.id': 'webapp' },
          record: expect.objectContaining({ severityText: 'error', severityNumber: 17, traceId: TRACE, spanId: SPAN })
        })
      ])
    )
  })

  test.each([
    'Error: from Node itself, before the logger exists',
    '{ half of an object',
    '{"level":"info","trace_id":"not a trace id","msg":"no service"}'
  ])('Loki gets other lines with the name of the container: %s', async line => {
    const { delivered, write } = await running()
    write('outfitters-webapp-1', line)
    await vi.waitFor(() => expect(delivered).toHaveLength(1), { timeout: 60_000 })
    expect(delivered[0]?.resource).toEqual({ 'service.name': 'outfitters-webapp-1' })
    expect(delivered[0]?.record.body.stringValue).toBe(line)
    expect(delivered[0]?.record.traceId ?? '').toBe('')
  })
})

describe.skipIf(!hasCollector)('the collector of the mesh', { timeout: 180_000 }, () => {
  const documents = parseAllDocuments(readFileSync(join(ROOT, 'observability/mesh/collector.yaml'), 'utf8')).map(
    document => document.toJS() as { kind: string, data: { 'config.yaml': string } }
  )
  const config = documents.find(({ kind }) => kind === 'ConfigMap')?.data['config.yaml'] ?? ''

  test('Loki gets the line of a proxy with its workload, namespace and pod, and with its trace', async () => {
    const { delivered, ports: [http] } = await collector(config, ([http, grpc]) => [
      `receivers::otlp::protocols::http::endpoint: 127.0.0.1:${http}`,
      `receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:${grpc}`
    ])
    const line = (workload: string): LogRecord => ({
      body: { stringValue: `"GET /items HTTP/1.1" 200 of ${workload}` },
      traceId: TRACE,
      spanId: SPAN,
      attributes: Object.entries({
        'service.name': workload,
        'k8s.namespace.name': 'shop',
        'k8s.pod.name': `${workload}-1`,
        status: '200'
      }).map(([key, stringValue]) => ({ key, value: { stringValue } }))
    })
    const logs: Logs = {
      resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: [line('webapp'), line('catalog')] }] }]
    }
    const response = await fetch(`http://127.0.0.1:${http}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(logs)
    })
    expect(response.status).toBe(200)
    await vi.waitFor(() => expect(delivered).toHaveLength(2), { timeout: 60_000 })
    for (const workload of ['webapp', 'catalog']) {
      const { path, resource, record } = delivered.find(
        ({ resource }) => resource['service.name'] === workload
      ) as (typeof delivered)[0]
      expect([path, resource]).toEqual([
        '/otlp/v1/logs',
        { 'service.name': workload, 'k8s.namespace.name': 'shop', 'k8s.pod.name': `${workload}-1` }
      ])
      expect(record).toMatchObject({
        body: { stringValue: `"GET /items HTTP/1.1" 200 of ${workload}` },
        traceId: TRACE,
        spanId: SPAN
      })
      expect(attributesOf(record.attributes)).toEqual({ status: '200' })
    }
  })
})

import { connect } from 'node:net'
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { escapeControls } from '../src/controls.ts'
import { createLogger } from '../src/logging.ts'
import { prettifier } from '../src/pretty.ts'
import type { Service } from '../src/service.ts'
import { listen, recordingLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

let app: Service
let origin: string
let lines: Record<string, unknown>[]

beforeEach(async () => {
  const recorded = recordingLogger()
  lines = recorded.lines
  app = exampleService({}, recorded.logger)
  origin = await listen(app)
})
afterEach(() => app.close())

const accessLines = () => lines.filter(({ msg }) => msg === 'request')

test('each request has one log line, with its trace, caller and client, and without confidential values', async () => {
  await request(origin).get('/items?token=secret')
    .set('Host', 'catalog.istioinaction.io')
    .set('x-request-id', 'r-1')
    .set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
    .set('x-forwarded-client-cert', 'By=spiffe://a;Hash=b;Subject="";URI=spiffe://cluster.local/ns/shop/sa/webapp')
    .set('x-forwarded-for', '10.1.2.3')
    .set('authorization', 'Bearer secret')
    .set('cookie', 'session=secret')
  await expect.poll(accessLines).toHaveLength(1)
  expect(accessLines()[0]).toEqual({
    level: 'info',
    time: expect.any(Number),
    pid: expect.any(Number),
    hostname: expect.any(String),
    msg: 'request',
    method: 'GET',
    host: 'catalog.istioinaction.io',
    path: '/items',
    status: 200,
    bytes: 7,
    durationMs: expect.any(Number),
    requestId: 'r-1',
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    caller: 'spiffe://cluster.local/ns/shop/sa/webapp',
    client: '10.1.2.3'
  })
  expect(JSON.stringify(lines)).not.toContain('secret')
})

test('other lines with the same message keep what only pino can serialize', async () => {
  const written: string[] = []
  const config = { LOG_LEVEL: 'info', SERVICE_VERSION: 'v1', HOSTNAME: 'example-1' } as const
  const logger = await createLogger('example', config, { write: line => { written.push(line) } })
  logger.info({ err: new Error('broken') }, 'request')
  logger.info({}, 'request')
  logger.info('request')
  expect(written.map(line => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ msg: 'request', err: expect.objectContaining({ message: 'broken' }) }),
    expect.objectContaining({ msg: 'request' }),
    expect.objectContaining({ msg: 'request' })
  ])
})

test('with an empty x-forwarded-for, the client is the address of the connection', async () => {
  await request(origin).get('/items').set('x-forwarded-for', '')
  await expect.poll(accessLines).toHaveLength(1)
  expect(accessLines()[0]).toMatchObject({ client: expect.stringContaining('127.0.0.1') })
})

test.each([
  ['an unknown path', '/nothing', 404],
  ['an internal error', '/broken', 500],
  ['a path that cannot be decoded', '/%zz', 404],
  ['a path that is not UTF-8', '/%e4', 404],
  ['a path of 5000 digits', `/${'9'.repeat(5000)}`, 404]
])('a failed request has a log line too: %s', async (_name, path, status) => {
  await request(origin).get(path)
  await expect.poll(accessLines).toHaveLength(1)
  expect(accessLines()[0]).toMatchObject({ path, status })
})

test('a client that disconnects before the answer has a log line with status 0', async () => {
  app.log.debug('before')
  await request(origin).post('/blowup').send({ type: 'latency', latencyMs: 60_000 })
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write('GET /items HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(async () => (await request(origin).get('/blowup')).body.latency.state.hits).toBe(1)
  socket.destroy()
  const itemLines = () => accessLines().filter(({ path }) => path === '/items')
  await expect.poll(itemLines).toEqual([expect.objectContaining({ status: 0 })])
})

test('probes are logged at debug level', async () => {
  await request(origin).get('/healthz')
  await expect.poll(accessLines).toHaveLength(1)
  expect(accessLines()[0]).toMatchObject({ level: 'debug', path: '/healthz' })
})

test('a request without an id gets one', async () => {
  await request(origin).get('/items')
  await expect.poll(accessLines).toHaveLength(1)
  expect(accessLines()[0]?.['requestId']).toMatch(/^[\da-f-]{36}$/)
})

test('the access lines of a service are JSON, with any text in their fields and the fields of every line', async () => {
  const written: string[] = []
  const config = { LOG_LEVEL: 'info', SERVICE_VERSION: 'v2', HOSTNAME: 'pod-1' } as const
  const logger = await createLogger('example', config, { write: line => { written.push(line) } })
  const service = exampleService({}, logger)
  await request(await listen(service)).get('/items').set('x-request-id', 'a "quoted" \\ id').set('Host', 'x')
  await service.close()

  const last = written.find(line => line.includes('"msg":"request"'))
  expect(last).toMatch(/^\{"level":"info","time":"[^"]+","service":"example","version":"v2","pod":"pod-1",.*\}\n$/)
  const fields = JSON.parse(last ?? '') as object
  expect(fields).toMatchObject({ requestId: 'a "quoted" \\ id', host: 'x', status: 200, msg: 'request' })
  expect(fields).not.toHaveProperty('fault')
})

test('an error has its stack in the log', async () => {
  const written: string[] = []
  const config = { LOG_LEVEL: 'info', SERVICE_VERSION: 'v1', HOSTNAME: 'pod-1' } as const
  const logger = await createLogger('example', config, { write: line => { written.push(line) } })
  logger.error({ err: new Error('broken') }, 'request failed')
  expect(JSON.parse(written.join(''))).toMatchObject({ err: { message: 'broken', stack: expect.any(String) } })
})

test('a control character of a client reaches the log as text, in JSON and on a terminal', async () => {
  const written: string[] = []
  const config = { LOG_LEVEL: 'info', SERVICE_VERSION: 'v1', HOSTNAME: 'example-1' } as const
  const logger = await createLogger('example', config, { write: line => { written.push(escapeControls(line)) } })
  logger.info({ host: 'a\u009b2J', err: new Error('b\u001b[2J') }, 'c\u007f\\u001b')
  expect(written[0]).not.toMatch(/[^\P{Cc}\n]/u)
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ host: 'a\u009b2J', msg: 'c\u007f\\u001b' })
  const text = prettifier(false)(written[0] ?? '')
  expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  expect(text).toContain('c\\u007f\\u001b')
  expect(text).toContain('b\\u001b[2J')
})

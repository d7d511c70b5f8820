// These tests use bare sockets, because no client library would send requests that Node's parser refuses.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_HEADER_BYTES, REQUEST_TIMEOUT_MS } from '../src/refusals.ts'
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
  app.get('/slow', async () => {
    await sleep(100)
    return 'slow'
  })
  app.post('/early', {
    onRequest: async (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200).write('early')
    }
  }, () => '')
  origin = await listen(app)
})
afterEach(() => app.close())

/** Sends some pieces and reads until the server closes the connection. */
function exchange (...pieces: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(new URL(origin).port), '127.0.0.1')
    let answer = ''
    socket.on('data', data => { answer += data })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
    for (const piece of pieces) socket.write(piece)
  })
}

/** The status, the headers and the body of the last answer in the text that was read. */
function refusalIn (read: string) {
  const answer = read.slice(read.lastIndexOf('HTTP/1.1 4'))
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const headers = Object.fromEntries(head.split('\r\n').slice(1).map(line => line.toLowerCase().split(': ', 2)))
  return { status: Number(head.split(' ')[1]), headers, body: JSON.parse(body) as Record<string, unknown> }
}

const COUNT = /_request_duration_seconds_count\{method="(.*?)",route="(.*?)",status="(.*?)",.*?,fault=""\} (\d+)/g
/** The counts of requests, such as `GET /items 200 1`. */
const counts = async () => {
  const { text } = await request(origin).get('/metrics')
  return Array.from(text.matchAll(COUNT), match => match.slice(1).join(' '))
}
const warnings = () => lines.filter(({ level }) => level === 'warn')

const REFUSED: [string, string | Buffer, number, string, string, string | RegExp][] = [
  ['headers above the limit',
    `GET /items HTTP/1.1\r\nHost: x\r\nCookie: ${'c'.repeat(MAX_HEADER_BYTES)}\r\n\r\n`,
    431, 'HEADERS_TOO_LARGE', '_OTHER unmatched', 'request line and headers together may have at most 65536 bytes'],
  ['headers far above the limit',
    `GET /items HTTP/1.1\r\nHost: x\r\nCookie: ${'c'.repeat(1024 * 1024)}\r\n\r\n`,
    431, 'HEADERS_TOO_LARGE', '_OTHER unmatched', /65536/],
  ['a malformed header',
    'GET /items HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n',
    400, 'REQUEST_MALFORMED', '_OTHER unmatched', /Invalid header token/],
  ['two lengths',
    'POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400, 'REQUEST_MALFORMED', '_OTHER unmatched', /cannot be read/],
  ['HTTP/2',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    400, 'REQUEST_MALFORMED', '_OTHER unmatched', /HTTP\/2/],
  ['TLS',
    Buffer.from('1603010200010001fc0303', 'hex'),
    400, 'REQUEST_MALFORMED', '_OTHER unmatched', /TLS/],
  ['CONNECT',
    'CONNECT catalog:80 HTTP/1.1\r\nHost: catalog:80\r\n\r\n',
    405, 'METHOD_NOT_ALLOWED', '_OTHER unmatched', /not a proxy/],
  ['HTTP/1.1 without Host',
    'GET /items HTTP/1.1\r\n\r\n',
    400, 'HOST_MISSING', 'GET /items', 'an HTTP/1.1 request must have a Host header'],
  ['an unknown expectation',
    'GET /items HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n',
    417, 'EXPECTATION_FAILED', 'GET /items', /100-continue/]
]

test.each(REFUSED)('%s: the client gets an error answer; the refusal is logged and counted', async (...refused) => {
  const [, sent, status, code, counted, message] = refused
  const answer = refusalIn(await exchange(sent))
  const text = expect.stringMatching(message)
  expect(answer).toMatchObject({
    status,
    headers: {
      'x-served-by': 'example-1',
      'x-served-version': 'v1',
      'content-type': 'application/json; charset=utf-8',
      connection: 'close'
    },
    body: { statusCode: status, code, error: expect.any(String), message: text }
  })
  const msg = expect.stringMatching(/^request refused: /)
  expect(warnings()).toEqual([expect.objectContaining({ status, code, client: '127.0.0.1', msg })])
  expect(await counts()).toEqual([`${counted} ${status} 1`])
})

test.each([17_000, 60_000])('a cookie of %i bytes is accepted, because Envoy lets 60 KiB through', async size => {
  expect((await request(origin).get('/items').set('cookie', `a=${'c'.repeat(size)}`)).status).toBe(200)
})

test.each([
  'GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer confidential\r\nconfidential\r\n\r\n',
  'CONNECT user:confidential@catalog:80 HTTP/1.1\r\nHost: x\r\n\r\n'
])('the log does not have the content of a refused request: %j', async sent => {
  await exchange(sent)
  expect(warnings()).toHaveLength(1)
  expect(JSON.stringify(lines)).not.toContain('confidential')
})

test.each([
  ['HTTP/1.0 without Host', 'GET /items HTTP/1.0\r\n\r\n'],
  ['100-continue', 'POST /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-Continue\r\n' +
    'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"a"}']
])('%s is served', async (_name, sent) => {
  expect((await exchange(sent))).toContain('HTTP/1.1 200 OK')
  expect(warnings()).toEqual([])
})

// The router would refuse the last three before any hook sees them.
test.each([
  'http://example/items',
  'HTTP://example/items?a=b',
  'http://example/items#a',
  'http://example:99999/items',
  'http:///items'
])('%s is served as /items, logged and counted', async target => {
  const answer = await exchange(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*x-served-by: example-1\r\n/)
  const line = expect.objectContaining({ msg: 'request', path: '/items', status: 200 })
  await expect.poll(() => lines).toContainEqual(line)
  expect(await counts()).toEqual(['GET /items 200 1'])
})

describe('with other requests on the same connection', () => {
  test('the refusal comes after the answers to the earlier requests', async () => {
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    const read = await exchange(get('/slow') + get('/items') + 'nonsense\r\n\r\n')
    expect(Array.from(read.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status)).toEqual(['200', '200', '400'])
    const expected = ['GET /slow 200 1', 'GET /items 200 1', '_OTHER unmatched 400 1']
    expect(await counts()).toEqual(expect.arrayContaining(expected))
  })

  const CHUNKED = 'HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'

  test('a malformed body is a 400 for its own request, counted once', async () => {
    const read = await exchange(`POST /items ${CHUNKED}`, 'zz\r\n')
    expect(refusalIn(read)).toMatchObject({ status: 400, body: { code: 'REQUEST_MALFORMED' } })
    await expect.poll(counts).toEqual(['POST /items 400 1'])
    expect(warnings()).toHaveLength(1)
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'request', path: '/items', status: 400 }))
  })

  test('nothing is written into a response that has begun', async () => {
    const read = await exchange(`POST /early ${CHUNKED}`, '2\r\n{}\r\n', 'zz\r\n')
    expect(read.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })
})

describe('a timeout', () => {
  // Node checks for slow requests every 30 seconds, and emits this error when it finds one.
  const timeout = Object.assign(new Error('timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  const timeOut = (socket: Socket) => app.server.emit('clientError', timeout, socket)
  const connected = () => new Promise<Socket>(resolve => { app.server.once('connection', resolve) })

  test('a request that does not arrive in time is a 408, and its duration is the timeout', async () => {
    const [read, socket] = [exchange('GET /items HT'), await connected()]
    await expect.poll(() => socket.bytesRead).toBeGreaterThan(0)
    timeOut(socket)
    expect(refusalIn(await read)).toMatchObject({
      status: 408, headers: { 'x-served-by': 'example-1' }, body: { code: 'REQUEST_TIMEOUT' }
    })
    expect(await counts()).toEqual(['_OTHER unmatched 408 1'])
    const labels = 'method="_OTHER",route="unmatched",status="408",version="v1",fault=""'
    const { text } = await request(origin).get('/metrics')
    expect(text).toContain(`_sum{${labels}} ${REQUEST_TIMEOUT_MS / 1000}`)
  })

  test('a connection on which nothing arrives is closed, and not counted as a request', async () => {
    const [read, socket] = [exchange(''), await connected()]
    timeOut(socket)
    expect(await read).toBe('')
    expect(warnings()).toEqual([])
    expect(await counts()).toEqual([])
  })
})

test('a client that still sends after its refusal is disconnected after a second', async () => {
  const start = performance.now()
  const read = await new Promise<string>(resolve => {
    const socket = connect({ port: Number(new URL(origin).port), host: '127.0.0.1', allowHalfOpen: true })
    let answer = ''
    const timer = setInterval(() => socket.write('x'.repeat(1000)), 50)
    socket.on('data', data => { answer += data })
    socket.on('error', () => {})
    socket.once('close', () => { clearInterval(timer); resolve(answer) })
    socket.write('nonsense\r\n\r\n')
  })
  expect(refusalIn(read).status).toBe(400)
  expect(performance.now() - start).toBeGreaterThan(900)
  expect(warnings()).toHaveLength(1)
})

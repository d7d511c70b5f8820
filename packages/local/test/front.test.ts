import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { listen, recordingLogger, stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildFront } from '../src/front.ts'

let v1: Awaited<ReturnType<typeof stubUpstream>>
let v2: typeof v1
let front: ReturnType<typeof buildFront>
let origin: string
let lines: Record<string, unknown>[]

beforeEach(async () => {
  v1 = await stubUpstream((request, response) => {
    if (request.url === '/broken') return request.socket.destroy()
    const status = request.url === '/unavailable' ? 503 : 200
    const headers = { 'x-served-version': 'v1', 'retry-after': '0', 'x-large': request.headers['x-large'] ?? '' }
    request.pipe(response.writeHead(status, headers))
  })
  v2 = await stubUpstream((request, response) => {
    response.writeHead(404, { 'x-served-version': 'v2', 'content-type': 'text/plain' })
    if (request.method === 'POST') request.pipe(response)
    else response.end('none')
  })
  const recorded = recordingLogger()
  lines = recorded.lines
  front = buildFront([v1.origin, v2.origin], recorded.logger)
  origin = await listen(front)
})
afterEach(async () => {
  await front.close()
  await v1.close()
  await v2.close()
})

test('the instances get the requests in turn, also over one connection', async () => {
  const agent = request.agent(origin)
  const versions = []
  for (const path of ['/a', '/b', '/c', '/d']) versions.push((await agent.get(path)).headers['x-served-version'])
  expect(versions).toEqual(['v1', 'v2', 'v1', 'v2'])
})

test('a request reaches the instance unchanged: method, path, query, headers, host and body', async () => {
  const headers = { host: 'catalog.istioinaction', 'x-dark-launch': 'v2', 'content-type': 'application/json' }
  const answer = await request(origin).put('/items/9?x=1%202').set(headers).send('{ "id": 9 }')
  expect(answer.text ?? answer.body.toString()).toBe('{ "id": 9 }')
  expect(v1.requests[0]).toMatchObject({ method: 'PUT', url: '/items/9?x=1%202', headers })
})

test('an answer reaches the caller unchanged', async () => {
  await request(origin).get('/a')
  const answer = await request(origin).get('/b')
  expect([answer.status, answer.text, answer.headers['x-served-version']]).toEqual([404, 'none', 'v2'])
})

describe('while an instance is not running', () => {
  beforeEach(() => v1.close())

  test('the other one answers all requests, on the second attempt if the first one was due', async () => {
    const answers = []
    for (const path of ['/a', '/b']) answers.push(await request(origin).get(path))
    answers.push(await request(origin).post('/c').send({ id: 9 }))
    expect(answers.map(({ headers }) => headers['x-served-version'])).toEqual(['v2', 'v2', 'v2'])
    expect(v2.requests.map(({ headers }) => headers['x-envoy-attempt-count'])).toEqual(['2', '1', '2'])
    expect(answers[2]?.text).toBe('{"id":9}')
    expect(problems()).toEqual([])
  })

  test('and the other one is not running either, the answer is a 503', async () => {
    await v2.close()
    const answer = await request(origin).post('/items').send({ id: 9 })
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/^no answer from the upstream: /)])
    expect(problems()).toHaveLength(1)
  })
})

test('the front retries nothing else: it forwards a 503, and answers 503 for a broken connection', async () => {
  expect((await request(origin).get('/unavailable')).status).toBe(503)
  await request(origin).get('/other')
  expect((await request(origin).get('/broken')).status).toBe(503)
  expect(v1.requests.map(({ url }) => url)).toEqual(['/unavailable', '/broken'])
})

/** Sends a request with these lines and `Connection: close`, and reads the whole answer. */
function raw (...head: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    let answer = ''
    socket.on('data', data => { answer += data })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
    socket.write(`${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  })
}
/** The warnings and errors in the log of the front. */
const problems = () => lines.filter(({ level }) => level === 'warn' || level === 'error')

describe('request targets that only a proxy or a careless client sends', () => {
  test.each([
    ['http://catalog/items/1', '/items/1'],
    ['http://catalog/items?a=b', '/items?a=b'],
    ['HTTP://catalog:80/items', '/items'],
    ['http://catalog', '/'],
    ['http://catalog?a=b', '/?a=b'],
    ['http://catalog:99999/items', '/items'],
    ['http://catalog/items#a', '/items'],
    ['//items', '//items'],
    ['/.well-known/a.b', '/.well-known/a.b'],
    ['/items?next=../b', '/items?next=../b'],
    ['/items/%zz', '/items/%25zz']
  ])('the request target %s becomes the path %s', async (target, url) => {
    expect(await raw(`GET ${target} HTTP/1.1`, 'Host: catalog')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(v1.requests[0]).toMatchObject({ url, headers: { host: 'catalog' } })
    expect(problems()).toEqual([])
  })

  test.each([
    'OPTIONS *', 'GET /items/../x', 'GET /items/%2e%2e/x', 'GET /./items', 'GET /items/%2e', 'GET /items\\1'
  ])('%s gets the 404 of a service, without a call to an instance', async line => {
    const answer = await raw(`${line} HTTP/1.1`, 'Host: catalog')
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[^]*"code":"NOT_FOUND"/)
    expect(answer).toContain('"code":"NOT_FOUND"')
  })
})

test('the caller decides whether its connection is kept; the connection to the instance has no effect', async () => {
  expect(await raw('GET /a HTTP/1.1', 'Host: catalog')).toMatch(/\r\nconnection: close\r\n/i)
  expect(await raw('GET /a HTTP/1.0')).toMatch(/\r\nconnection: close\r\n/i)
})

test('a client that waits for 100 Continue gets it, and then its answer', async () => {
  const answer = await raw('GET /a HTTP/1.1', 'Host: catalog', 'Expect: 100-continue')
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
})

test('the log has the failed calls of the front', async () => {
  expect((await request(origin).get('/broken')).status).toBe(503)
  const msg = expect.stringMatching(/^no answer from the upstream: /)
  expect(problems()).toEqual([
    expect.objectContaining({ level: 'warn', upstream: v1.origin, path: '/broken', msg })
  ])
})

test('polling instances that are not ready yet logs nothing', async () => {
  await Promise.all([v1.close(), v2.close()])
  expect((await request(origin).get('/readyz')).status).toBe(503)
  expect(problems()).toEqual([])
})

const LARGE_COOKIE = `Cookie: ${'c'.repeat(64 * 1024)}`

test.each([
  ['a malformed header', ['GET /a HTTP/1.1', 'Host: catalog', 'no header'], 400, 'REQUEST_MALFORMED'],
  ['HTTP/1.1 without Host', ['GET /a HTTP/1.1'], 400, 'HOST_MISSING'],
  ['headers above the limit', ['GET /a HTTP/1.1', 'Host: catalog', LARGE_COOKIE], 431, 'HEADERS_TOO_LARGE']
])('the front refuses %s, as the services do', async (_name, head, status, code) => {
  const answer = await raw(...head)
  expect(answer).toContain(`HTTP/1.1 ${status} `)
  expect(answer).toContain(`{"statusCode":${status},"code":"${code}"`)
  expect(answer).not.toContain('x-served-by') // a sidecar that refuses a request does not send it either
  expect(problems()).toEqual([expect.objectContaining({ level: 'warn', status, code })])
})

test('headers of 59 kB pass in both directions', async () => {
  const large = 'c'.repeat(59_000)
  const options = { maxHeaderSize: 64 * 1024, headers: { 'x-large': large } }
  const answer = await new Promise<IncomingMessage>(resolve => { get(`${origin}/a`, options, resolve) })
  expect([answer.resume().statusCode, answer.headers['x-large'] === large]).toEqual([200, true])
})

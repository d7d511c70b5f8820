// fetch sends neither TRACE nor unusual methods, so these tests use Node's own client.
import { request, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { listen } from '../src/testing.ts'
import { exampleService } from './example.ts'

let app: Service
let origin: string
beforeEach(async () => {
  app = exampleService({ CHAOS_ACCESS: 'any' })
  app.register(async scope => {
    scope.get('/items/:id(^[0-9]+$)', () => 'item')
    scope.options('/preflight/*', () => '')
  })
  origin = await listen(app)
})
afterEach(() => app.close())

interface Answer { status: number | undefined, headers: IncomingHttpHeaders, body: string }

function call (method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(origin + path, { method, headers: { ...headers, 'content-length': body.length } }, async answer => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: await text(answer) })
    }).on('error', reject).end(body)
  })
}

const OTHER_METHODS = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND']

test.each(OTHER_METHODS)('%s of a path that has only other methods is a 405 that names them', async method => {
  const answer = await call(method, '/items?a=b')
  expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST'])
  expect(JSON.parse(answer.body)).toEqual({
    statusCode: 405,
    code: 'METHOD_NOT_ALLOWED',
    error: 'Method Not Allowed',
    message: `There is no ${method} /items?a=b; this path allows GET, HEAD, POST`
  })
})

test.each(OTHER_METHODS)('%s of a path that does not exist is a 404', async method => {
  for (const path of ['/nothing', '/items/abc', '/preflight/a']) {
    if (method === 'OPTIONS' && path === '/preflight/a') continue
    const answer = await call(method, path)
    expect([answer.status, JSON.parse(answer.body).code, answer.headers.allow]).toEqual([404, 'NOT_FOUND', undefined])
  }
})

test.each(['/items/', '/items/7', '/healthz', '/metrics', '/docs/json'])('DELETE %s is a 405', async path => {
  expect((await call('DELETE', path)).status).toBe(405)
})

test('the body of such a request does not matter: it is not read', async () => {
  const xml = { 'content-type': 'application/xml' }
  expect((await call('PUT', '/items', xml, '<a/>')).status).toBe(405)
  expect((await call('PUT', '/nothing', xml, '<a/>')).status).toBe(404)
  expect((await call('POST', '/nothing', { 'content-type': 'nonsense' }, 'x'.repeat(100_000))).status).toBe(404)
})

test('faults hit such requests too', async () => {
  const rule = JSON.stringify({ type: 'abort', status: 418 })
  expect((await call('POST', '/blowup', { 'content-type': 'application/json' }, rule)).status).toBe(200)
  expect((await call('PUT', '/items')).status).toBe(418)
})

test('HEAD is answered like GET, without a body', async () => {
  const answer = await call('HEAD', '/items')
  expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([200, '7', ''])
})

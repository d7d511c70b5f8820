import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { flawsOfDocument, listen } from '../src/testing.ts'
import { exampleService } from './example.ts'

let app: Service
beforeEach(() => { app = exampleService() })
afterEach(() => app.close())

test('the OpenAPI document describes every route and no other', async () => {
  expect(await flawsOfDocument(app)).toEqual([])
})

test('a route without a tag is found as a flaw of the document', async () => {
  app.register(async scope => { scope.get('/forgotten', { schema: { summary: 'No tag' } }, () => '') })
  expect(await flawsOfDocument(app)).toEqual(['GET /forgotten lacks a summary, a tag or its answers'])
})

test('/docs shows the documentation to people', async () => {
  const page = await request(await listen(app)).get('/docs/')
  expect(page.status).toBe(200)
  expect(page.headers['content-type']).toMatch(/html/)
})

test('answers name their pod and version, and the attempt if a sidecar counts attempts', async () => {
  const origin = await listen(app)
  const { headers } = await request(origin).get('/items')
  expect(headers).toMatchObject({ 'x-served-by': 'example-1', 'x-served-version': 'v1' })
  expect(headers).not.toHaveProperty('x-attempt')
  const third = await request(origin).get('/items').set('x-envoy-attempt-count', '3')
  expect(third.headers['x-attempt']).toBe('3')
})

test('while a service drains, only readiness fails, and answers ask to close the connection', async () => {
  const origin = await listen(app)
  expect((await request(origin).get('/healthz')).body).toEqual({ status: 'ok' })
  expect((await request(origin).get('/readyz')).body).toEqual({ status: 'ok' })
  app.drain()
  const readiness = await request(origin).get('/readyz')
  expect([readiness.status, readiness.body]).toEqual([503, { status: 'draining' }])
  expect((await request(origin).get('/healthz')).status).toBe(200)
  const answer = await request(origin).get('/items')
  expect([answer.status, answer.headers['connection']]).toEqual([200, 'close'])
})

test('/metrics has the durations of requests by route, never by path, and the metrics of Node', async () => {
  const origin = await listen(app)
  await request(origin).get('/items?x=1')
  await request(origin).get('/a/b/c')
  const { text, headers } = await request(origin).get('/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  const count = (route: string, status: number) => 'http_server_request_duration_seconds_count' +
    `{method="GET",route="${route}",status="${status}",version="v1",fault=""} 1`
  expect(text).toContain(count('/items', 200))
  expect(text).toContain(count('unmatched', 404))
  expect(text).not.toContain('/a/b/c')
  for (const name of ['nodejs_eventloop_lag_seconds', 'nodejs_heap_size_used_bytes', 'nodejs_gc_duration_seconds']) {
    expect(text).toContain(name)
  }
  expect(text).toContain(`outfitters_build_info{service="example",version="v1",node="${process.version}"} 1`)
})

test('idle connections stay open longer than the hour after which Envoy closes them', () => {
  expect(app.server.keepAliveTimeout).toBeGreaterThan(60 * 60 * 1000)
})

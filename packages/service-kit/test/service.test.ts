import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { flawsOfDocument, listen } from '../src/testing.ts'
import { exampleService } from './example.ts'

let app: Service
beforeEach(() => { app = exampleService() })
afterEach(() => app.close())

test('the OpenAPI document and the routes are the same', async () => {
  expect(await flawsOfDocument(app)).toEqual([])
})

test('the comparison of document and routes finds what is missing', async () => {
  app.register(async scope => { scope.get('/forgotten', { schema: { summary: 'No tag' } }, () => '') })
  expect(await flawsOfDocument(app)).toEqual(['GET /forgotten lacks a summary, a tag or its answers'])
})

test('/docs shows the documentation to people', async () => {
  const page = await request(await listen(app)).get('/docs/')
  expect(page.status).toBe(200)
  expect(page.headers['content-type']).toMatch(/html/)
})

test('answers name who served them, and the attempt where a sidecar counts', async () => {
  const origin = await listen(app)
  expect((await request(origin).get('/items')).headers).toMatchObject({ 'x-served-by': 'example-1', 'x-served-version': 'v1' })
  expect((await request(origin).get('/items')).headers).not.toHaveProperty('x-attempt')
  expect((await request(origin).get('/items').set('x-envoy-attempt-count', '3')).headers['x-attempt']).toBe('3')
})

test('probes answer; while draining readiness fails, all else is served, and connections are asked to close', async () => {
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

test('/metrics has the durations of requests by route and never by path, and says how Node is doing', async () => {
  const origin = await listen(app)
  await request(origin).get('/items?x=1')
  await request(origin).get('/a/b/c')
  const { text, headers } = await request(origin).get('/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toMatch(/http_server_request_duration_seconds_count\{method="GET",route="\/items",status="200",version="v1",fault=""\} 1/)
  expect(text).toMatch(/http_server_request_duration_seconds_count\{method="GET",route="unmatched",status="404",version="v1",fault=""\} 1/)
  expect(text).not.toContain('/a/b/c')
  for (const name of ['nodejs_eventloop_lag_seconds', 'nodejs_heap_size_used_bytes', 'nodejs_gc_duration_seconds']) expect(text).toContain(name)
  expect(text).toContain(`outfitters_build_info{service="example",version="v1",node="${process.version}"} 1`)
})

test('idle connections are kept longer than the hour that Envoy keeps them', () => {
  expect(app.server.keepAliveTimeout).toBeGreaterThan(60 * 60 * 1000)
})

import type { RequestListener } from 'node:http'
import request from 'supertest'
import { expect, test } from 'vitest'
import { answering, start } from './start.ts'

const ANY = { CHAOS_ACCESS: 'any' }
const RULES = { 500: { active: true, type: '500', percentage: 50, state: { hits: 1 } } }
const NOT_FOUND = '/api/chaos/catalog/pod-9'

/** Pods that are met by turns, and pass on what is for another. */
function pods (...names: string[]): RequestListener {
  let turn = 0
  return (request, response) => {
    const name = String(names[turn++ % names.length])
    const isMeant = request.headers['x-chaos-pod'] === name
    response.writeHead(isMeant ? 200 : 421, { 'x-served-by': name, 'x-served-version': 'v1' })
      .end(isMeant ? (request.method === 'GET' ? JSON.stringify(RULES, null, 2) : 'blowups={}') : '{}')
  }
}

test('the rules of a pod are read, set and deleted, whichever pods are met first', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-1', 'pod-2', 'pod-3'), env: ANY })
  const read = await request(origin).get('/api/chaos/catalog/pod-3')
  expect([read.status, read.body, read.headers['x-served-by']]).toEqual([200, RULES, 'pod-3'])
  expect(catalog.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /blowup', 'GET /blowup', 'GET /blowup'])

  expect((await request(origin).post('/api/chaos/catalog/pod-2').send({ type: '500' })).status).toBe(204)
  expect((await request(origin).delete('/api/chaos/catalog/pod-1').send({ name: '500' })).status).toBe(204)
  expect((await request(origin).delete('/api/chaos/catalog/pod-1')).status).toBe(204)
})

test('without a mesh, where a pod is picked for each connection, the one that is meant is met all the same', async () => {
  const names = ['pod-1', 'pod-2', 'pod-3']
  const picked = new WeakMap<object, RequestListener>()
  let connections = 0
  const { origin } = await start({
    catalog: (request, response) => {
      const pod = picked.get(request.socket) ?? pods(String(names[connections++ % names.length]))
      picked.set(request.socket, pod)
      pod(request, response)
    },
    env: ANY
  })
  for (const name of names) expect((await request(origin).get(`/api/chaos/catalog/${name}`)).headers['x-served-by']).toBe(name)
})

test('the forum has faults too, and routing headers go along', async () => {
  const { origin, forum } = await start({ forum: pods('forum-1'), env: ANY })
  expect((await request(origin).get('/api/chaos/forum/forum-1').set('x-dark-launch', 'v2')).body).toEqual(RULES)
  expect(forum.requests[0]?.headers).toMatchObject({ 'x-chaos-pod': 'forum-1', 'x-dark-launch': 'v2' })
  expect((await request(origin).get('/api/chaos/users/forum-1')).status).toBe(400)
})

test('a pod that is never met is a 404 that names those that were, after forty calls', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-1', 'pod-2'), env: ANY })
  const { status, body } = await request(origin).post(NOT_FOUND).send({ type: '500' })
  expect([status, body.code]).toEqual([404, 'POD_NOT_MET'])
  expect(body.message).toMatch(/pod-9, but pod-1, pod-2/)
  expect(catalog.requests).toHaveLength(40)
})

test.each([400, 403, 409])('what the pod refuses with a %i, it refuses in its own words', async status => {
  const said = { statusCode: status, code: 'SOME_CODE', error: 'x', message: 'because', problems: [{ where: 'body/percentage', what: 'must be <= 100' }] }
  const { origin } = await start({ catalog: answering(status, said, { 'x-served-by': 'pod-9' }), env: ANY })
  const answer = await request(origin).post(NOT_FOUND).send({ type: '500', percentage: 101 })
  expect([answer.status, answer.body]).toEqual([status, said])
})

test.each<[string, RequestListener | number, string]>([
  ['that is down', 1, 'UPSTREAM_UNREACHABLE'],
  ['for which the mesh answers 503', answering(503, ''), 'UPSTREAM_STATUS'],
  ['that the mesh forbids', answering(403, 'RBAC: access denied'), 'UPSTREAM_STATUS']
])('a catalog %s is a 502', async (_name, catalog, code) => {
  const { origin } = await start({ catalog, env: ANY })
  const { status, body } = await request(origin).get(NOT_FOUND)
  expect([status, body.code]).toEqual([502, code])
})

test.each(['local', 'off'])('with CHAOS_ACCESS=%s nobody reaches the faults of others through the webapp, not even from loopback', async access => {
  const { origin, catalog } = await start({ catalog: pods('pod-9'), env: access === 'local' ? {} : { CHAOS_ACCESS: access } })
  for (const call of [request(origin).get(NOT_FOUND), request(origin).post(NOT_FOUND).send({ type: '500' }), request(origin).delete(NOT_FOUND), request(origin).post(NOT_FOUND).type('form').send('x')]) {
    const { status, body } = await call
    expect([status, body.code]).toEqual([403, 'CHAOS_FORBIDDEN'])
  }
  expect(catalog.requests).toHaveLength(0)
})

test('scripts of other pages get in by no content type, and find no CORS', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-9'), env: ANY })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    expect((await request(origin).post(NOT_FOUND).set('content-type', type).send('{"type":"500"}')).status, type).toBe(415)
  }
  const preflight = await request(origin).options(NOT_FOUND).set({ origin: 'https://evil.example', 'access-control-request-method': 'DELETE' })
  const read = await request(origin).get(NOT_FOUND).set('origin', 'https://evil.example')
  for (const { headers } of [preflight, read]) expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([])
  expect(preflight.status).toBe(404)
  expect(catalog.requests.map(({ method }) => method)).toEqual(['GET'])
})

test('faults of the webapp itself do not hit the way to set them', async () => {
  const { origin } = await start({ catalog: pods('pod-9'), env: ANY })
  await request(origin).post('/blowup').send({ type: '500' })
  expect((await request(origin).get(NOT_FOUND)).status).toBe(200)
})

test.each<[string, RequestListener | number, string]>([
  ['is not there', 1, 'outfitters; error=destination_unavailable'],
  ['is silent', () => {}, 'outfitters; error=http_response_timeout'],
  ['fails', answering(503, ''), 'outfitters; received-status=503'],
  ['talks nonsense', answering(200, '<html>'), 'outfitters; received-status=200']
])('the 500 for a catalog that %s says so in Proxy-Status', async (_name, catalog, said) => {
  const { origin } = await start({ catalog, env: { UPSTREAM_TIMEOUT_MS: '300' } })
  const { status, headers } = await request(origin).get('/api/catalog')
  expect([status, headers['proxy-status']]).toEqual([500, said])
})

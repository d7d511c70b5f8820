import type { RequestListener } from 'node:http'
import request from 'supertest'
import { expect, test } from 'vitest'
import { answering, start } from './start.ts'

const ANY = { CHAOS_ACCESS: 'any' }
const RULES = { 500: { active: true, type: '500', percentage: 50, state: { hits: 1 } } }
const POD_9 = '/api/chaos/catalog/pod-9'

/** Pods that answer in turn. A pod answers 421 to calls for another pod. */
function pods (...names: string[]): RequestListener {
  let turn = 0
  return (request, response) => {
    const name = String(names[turn++ % names.length])
    const isMeant = request.headers['x-chaos-pod'] === name
    const body = request.method === 'GET' ? JSON.stringify(RULES, null, 2) : 'blowups={}'
    response.writeHead(isMeant ? 200 : 421, { 'x-served-by': name, 'x-served-version': 'v1' })
    response.end(isMeant ? body : '{}')
  }
}

test('the rules of a pod are read, set and deleted, also if other pods answer first', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-1', 'pod-2', 'pod-3'), env: ANY })
  const read = await request(origin).get('/api/chaos/catalog/pod-3')
  expect([read.status, read.body, read.headers['x-served-by']]).toEqual([200, RULES, 'pod-3'])
  expect(catalog.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(3).fill('GET /blowup'))

  expect((await request(origin).post('/api/chaos/catalog/pod-2').send({ type: '500' })).status).toBe(204)
  expect((await request(origin).delete('/api/chaos/catalog/pod-1').send({ name: '500' })).status).toBe(204)
  expect((await request(origin).delete('/api/chaos/catalog/pod-1')).status).toBe(204)
})

test.each<[string, RequestListener]>([
  ['a 503 of the mesh', answering(503, 'no healthy upstream')],
  ['a broken connection', ({ socket }) => socket.destroy()]
])('a dead pod, whose calls get %s, does not hide the rules of other pods', async (_name, dead) => {
  const healthy = pods('pod-1')
  let calls = 0
  const { origin } = await start({ catalog: (...call) => (calls++ % 2 === 0 ? dead : healthy)(...call), env: ANY })
  const url = '/api/chaos/catalog/pod-1'
  for (let round = 0; round < 3; round++) expect((await request(origin).get(url)).body).toEqual(RULES)
  expect((await request(origin).post(url).send({ type: '500' })).status).toBe(204)
  expect((await request(origin).delete(url)).status).toBe(204)
  const { status, body } = await request(origin).get('/api/chaos/catalog/pod-2')
  expect([status, body.code]).toEqual([404, 'POD_NOT_MET'])
})

test('the right pod is reached without a mesh too, where each connection leads to one pod', async () => {
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
  for (const name of names) {
    const { headers } = await request(origin).get(`/api/chaos/catalog/${name}`)
    expect(headers['x-served-by']).toBe(name)
  }
})

test('the forum has faults too, and headers for routing are forwarded', async () => {
  const { origin, forum } = await start({ forum: pods('forum-1'), env: ANY })
  const { body } = await request(origin).get('/api/chaos/forum/forum-1').set('x-dark-launch', 'v2')
  expect(body).toEqual(RULES)
  expect(forum.requests[0]?.headers).toMatchObject({ 'x-chaos-pod': 'forum-1', 'x-dark-launch': 'v2' })
  expect((await request(origin).get('/api/chaos/users/forum-1')).status).toBe(400)
})

test('if forty calls do not reach the pod, the answer is a 404 that names the pods they reached', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-1', 'pod-2'), env: ANY })
  const { status, body } = await request(origin).post(POD_9).send({ type: '500' })
  expect([status, body.code]).toEqual([404, 'POD_NOT_MET'])
  expect(body.message).toMatch(/40 calls to catalog did not reach pod pod-9; they reached pod-1, pod-2/)
  expect(catalog.requests).toHaveLength(40)
})

test.each([[409, '{{'], [400, '{}'], [200, '[]'], [200, 'rules']])(
  'a %i of the pod with the body %s, which no pod sends, becomes a 502', async (status, sent) => {
    const { origin } = await start({ catalog: answering(status, sent, { 'x-served-by': 'pod-9' }), env: ANY })
    const answer = await request(origin).get(POD_9)
    expect([answer.status, answer.body.code]).toEqual([502, 'UPSTREAM_BODY'])
  })

test.each([400, 403, 409])('a %i of the pod is forwarded unchanged', async status => {
  const problems = [{ where: 'body/percentage', what: 'must be <= 100' }]
  const refusal = { statusCode: status, code: 'SOME_CODE', error: 'x', message: 'because', problems }
  const { origin } = await start({ catalog: answering(status, refusal, { 'x-served-by': 'pod-9' }), env: ANY })
  const answer = await request(origin).post(POD_9).send({ type: '500', percentage: 101 })
  expect([answer.status, answer.body]).toEqual([status, refusal])
})

test.each<[string, RequestListener | number, string]>([
  ['that is not reachable', 1, 'UPSTREAM_UNREACHABLE'],
  ['with a 503 from the mesh', answering(503, ''), 'UPSTREAM_STATUS'],
  ['with a 403 from the mesh', answering(403, 'RBAC: access denied'), 'UPSTREAM_STATUS']
])('a catalog %s becomes a 502', async (_name, catalog, code) => {
  const { origin } = await start({ catalog, env: ANY })
  const { status, body } = await request(origin).get(POD_9)
  expect([status, body.code]).toEqual([502, code])
})

test.each([
  ['local', {}],
  ['off', { CHAOS_ACCESS: 'off' }]
])('with CHAOS_ACCESS=%s the webapp sets no faults in other services, not even for loopback', async (_access, env) => {
  const { origin, catalog } = await start({ catalog: pods('pod-9'), env })
  for (const call of [
    request(origin).get(POD_9),
    request(origin).post(POD_9).send({ type: '500' }),
    request(origin).delete(POD_9),
    request(origin).post(POD_9).type('form').send('x')
  ]) {
    const { status, body } = await call
    expect([status, body.code]).toEqual([403, 'CHAOS_FORBIDDEN'])
  }
  expect(catalog.requests).toHaveLength(0)
})

test('a site whose name points to this machine cannot set faults, here or in other services', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-9'), env: ANY })
  for (const path of [POD_9, '/blowup']) {
    const { status, body } = await request(origin).post(path).set('host', 'attacker.example').send({ type: '500' })
    expect([status, body.code], path).toEqual([403, 'CHAOS_FORBIDDEN'])
  }
  expect(catalog.requests).toHaveLength(0)
})

test('scripts of other sites cannot use the routes: no other content type, and no CORS', async () => {
  const { origin, catalog } = await start({ catalog: pods('pod-9'), env: ANY })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    expect((await request(origin).post(POD_9).set('content-type', type).send('{"type":"500"}')).status, type).toBe(415)
  }
  const preflight = await request(origin).options(POD_9)
    .set({ origin: 'https://evil.example', 'access-control-request-method': 'DELETE' })
  const read = await request(origin).get(POD_9).set('origin', 'https://evil.example')
  for (const { headers } of [preflight, read]) {
    expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([])
  }
  expect(preflight.status).toBe(405)
  expect(catalog.requests.map(({ method }) => method)).toEqual(['GET'])
})

test('faults of the webapp do not hit the routes that set faults', async () => {
  const { origin } = await start({ catalog: pods('pod-9'), env: ANY })
  await request(origin).post('/blowup').send({ type: '500' })
  expect((await request(origin).get(POD_9)).status).toBe(200)
})

test.each<[string, RequestListener | number, string]>([
  ['is not reachable', 1, 'outfitters; error=destination_unavailable'],
  ['does not answer', () => {}, 'outfitters; error=http_response_timeout'],
  ['fails', answering(503, ''), 'outfitters; received-status=503'],
  ['answers HTML', answering(200, '<html>'), 'outfitters; received-status=200']
])('the 500 for a catalog that %s gives the reason in Proxy-Status', async (_name, catalog, reason) => {
  const UPSTREAM_TIMEOUT_MS = reason.endsWith('timeout') ? '300' : '30000'
  const { origin } = await start({ catalog, env: { UPSTREAM_TIMEOUT_MS } })
  const { status, headers } = await request(origin).get('/api/catalog')
  expect([status, headers['proxy-status']]).toEqual([500, reason])
})

test('a rule that is nested too deeply is refused, as by /blowup itself', async () => {
  const { origin } = await start({ env: { CHAOS_ACCESS: 'any' } })
  const body = '['.repeat(30_000) + ']'.repeat(30_000)
  const answer = await request(origin).post('/api/chaos/catalog/catalog-1').type('json').send(body)
  expect([answer.status, answer.body.code]).toEqual([400, 'BODY_TOO_DEEP'])
})

// The contract of the mesh's headers, through every hop: webapp → catalog, and webapp → forum → users API.
import { buildApp as buildForum } from '@outfitters/forum/app'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { buildApp as buildWebapp } from '@outfitters/webapp/app'
import { WebappConfig } from '@outfitters/webapp/config'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CARRIED = {
  authorization: 'Bearer abc.def.ghi',
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  tracestate: 'vendor=1',
  baggage: 'customer=7',
  b3: `${TRACE}-00f067aa0ba902b7-1`,
  'x-request-id': '8a6f1d1e-0000-4000-8000-000000000001',
  'x-b3-traceid': TRACE,
  'x-b3-spanid': '00f067aa0ba902b7',
  'x-b3-parentspanid': '00f067aa0ba902b6',
  'x-b3-sampled': '1',
  'x-b3-flags': '0',
  'x-ot-span-context': 'a;b;c',
  'x-cloud-trace-context': `${TRACE}/1;o=1`,
  'x-datadog-trace-id': '1',
  'x-dark-launch': 'v2',
  'x-istio-cohort': 'internal',
  'x-loyalty': 'gold',
  'x-envoy-attempt-count': '2',
  'x-forwarded-client-cert': 'By=a;Hash=b;URI=spiffe://c'
}

let catalog: Awaited<ReturnType<typeof stubUpstream>>
let users: typeof catalog
let origin: string
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  catalog = await stubUpstream((request, response) => response.writeHead(request.method === 'POST' ? 201 : 200).end(request.url === '/items' ? '[]' : '{"id":1,"name":"a","price":"1"}'))
  users = await stubUpstream((_request, response) => response.end('[]'))
  const forum = buildForum(parseConfig(ForumConfig, { USERS_URL: `${users.origin}/users` }), { logger: silentLogger })
  const forumPort = new URL(await listen(forum)).port
  const webapp = buildWebapp(parseConfig(WebappConfig, {
    CATALOG_SERVICE_HOST: '127.0.0.1',
    CATALOG_SERVICE_PORT: String(catalog.port),
    FORUM_SERVICE_HOST: '127.0.0.1',
    FORUM_SERVICE_PORT: forumPort
  }), { logger: silentLogger })
  origin = await listen(webapp)
  closers.push(() => webapp.close(), () => forum.close(), catalog.close, users.close)
})
beforeEach(() => {
  catalog.requests.length = 0
  users.requests.length = 0
})
afterAll(async () => { for (const close of closers) await close() })

const arrivedAt = () => [...catalog.requests, ...users.requests].map(({ headers }) => headers)

test.each<[string, string, number]>([
  ['get', '/api/catalog', 1],
  ['get', '/api/catalog/items/1', 1],
  ['post', '/api/catalog/items', 1],
  ['get', '/api/users', 1],
  ['get', '/', 2]
])('what the mesh and its tracers need arrives unchanged behind the last hop: %s %s', async (method, path, calls) => {
  const call = method === 'post' ? request(origin).post(path).send('{"name":"a","price":"1"}') : request(origin).get(path)
  await call.set(CARRIED).set({ cookie: 'session=1', 'accept-language': 'de', referer: 'http://x/' }).expect(200)
  expect(arrivedAt()).toHaveLength(calls)
  for (const headers of arrivedAt()) {
    expect(headers).toMatchObject(CARRIED)
    for (const dropped of ['cookie', 'accept-language', 'referer']) expect(headers).not.toHaveProperty(dropped)
  }
})

test('without them nothing is made up but a request id, which is the same at every hop of a request', async () => {
  await request(origin).get('/').expect(200)
  const ids = arrivedAt().map(headers => headers['x-request-id'])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
  for (const headers of arrivedAt()) {
    expect(Object.keys(headers).sort()).toEqual(['accept', 'connection', 'host', 'user-agent', 'x-request-id'])
  }
})

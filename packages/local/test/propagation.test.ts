// The headers that every hop forwards: from the webapp to the catalog, and from the webapp over the forum to the users
// API.
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import { buildApp as buildForum } from '@outfitters/forum/app'
import { ForumConfig } from '@outfitters/forum/config'
import { MAX_FORWARDED_HEADER_BYTES, parseConfig, startTelemetry, type Telemetry } from '@outfitters/service-kit'
import { listen, silentLogger, stubUpstream } from '@outfitters/service-kit/testing'
import { buildApp as buildWebapp } from '@outfitters/webapp/app'
import { WebappConfig } from '@outfitters/webapp/config'
import request from 'supertest'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { buildFront } from '../src/front.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CARRIED = {
  authorization: 'Bearer abc.def.ghi',
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  tracestate: 'vendor=1',
  baggage: 'customer=7',
  b3: `${TRACE}-00f067aa0ba902b7-1`,
  sw8: '1-NGJmOTJm-MDBmMDY3-3-d2ViYXBw-d2ViYXBwLTE=-L2FwaQ==-Zm9ydW06ODA=',
  'sw8-correlation': 'Y3VzdG9tZXI=:Nw==',
  'sw8-x': '0-1764249000000',
  'grpc-trace-bin': 'AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE',
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

/** Starts a webapp that calls a forum that calls the users API. Both get the same variables. */
async function buildChain (env: Record<string, string>, telemetry?: Telemetry) {
  const forumConfig = parseConfig(ForumConfig, { USERS_URL: `${users.origin}/users`, ...env })
  const forum = buildForum(forumConfig, { logger: silentLogger, telemetry })
  const webapp = buildWebapp(parseConfig(WebappConfig, {
    CATALOG_SERVICE_HOST: '127.0.0.1',
    CATALOG_SERVICE_PORT: String(catalog.port),
    FORUM_SERVICE_HOST: '127.0.0.1',
    FORUM_SERVICE_PORT: new URL(await listen(forum)).port,
    ...env
  }), { logger: silentLogger, telemetry })
  const close = async () => {
    await webapp.close()
    await forum.close()
  }
  return { origin: await listen(webapp), close }
}

/** Starts a chain for one test, and returns its URL. */
async function chain (env: Record<string, string>, telemetry?: Telemetry): Promise<string> {
  const { origin, close } = await buildChain(env, telemetry)
  onTestFinished(close)
  return origin
}

beforeAll(async () => {
  catalog = await stubUpstream(({ method, url }, response) =>
    response.writeHead(method === 'POST' ? 201 : 200).end(url === '/items' ? '[]' : '{"id":1,"name":"a","price":"1"}'))
  users = await stubUpstream((_request, response) => response.end('[]'))
  const chain = await buildChain({ USERS_TRUSTED: 'true' })
  origin = chain.origin
  return async () => {
    await chain.close()
    await Promise.all([catalog.close(), users.close()])
  }
})
beforeEach(() => {
  catalog.requests.length = 0
  users.requests.length = 0
})

/** The headers of the requests that reached the catalog and the users API. */
const arrivedHeaders = () => [...catalog.requests, ...users.requests].map(({ headers }) => headers)

test.each<[string, string, number]>([
  ['get', '/api/catalog', 1],
  ['get', '/api/catalog/items/1', 1],
  ['post', '/api/catalog/items', 1],
  ['get', '/api/users', 1],
  ['get', '/', 2]
])('the last hop gets the headers of the mesh and its tracers unchanged: %s %s', async (method, path, calls) => {
  const client = request(origin)
  const call = method === 'post' ? client.post(path).send('{"name":"a","price":"1"}') : client.get(path)
  await call.set(CARRIED).set({ cookie: 'session=1', 'accept-language': 'de', referer: 'http://x/' }).expect(200)
  expect(arrivedHeaders()).toHaveLength(calls)
  for (const headers of arrivedHeaders()) {
    expect(headers).toMatchObject(CARRIED)
    for (const dropped of ['cookie', 'accept-language', 'referer']) expect(headers).not.toHaveProperty(dropped)
  }
})

test('a request without these headers gets only a request id, which is the same at every hop', async () => {
  await request(origin).get('/').expect(200)
  const ids = arrivedHeaders().map(headers => headers['x-request-id'])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
  for (const headers of arrivedHeaders()) {
    expect(Object.keys(headers).sort()).toEqual(['accept', 'connection', 'host', 'user-agent', 'x-request-id'])
  }
})

describe('a call to the outside of the mesh', () => {
  const OTHERS = { 'x-forwarded-for': '10.1.2.3', 'x-envoy-decorator-operation': 'forum', cookie: 'session=1' }
  const SENT = { ...CARRIED, ...OTHERS }
  const TRACE_HEADERS = ['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled']
  const OF_THE_CALL = ['host', 'connection', 'accept', 'user-agent']

  test('has the trace and the request id, unchanged, but no credentials and no identity', async () => {
    await request(await chain({})).get('/api/users').set(SENT).expect(200)
    const [headers = {}] = arrivedHeaders()
    const kept = [...TRACE_HEADERS, 'x-b3-parentspanid', 'x-b3-flags', 'x-request-id'] as (keyof typeof CARRIED)[]
    expect(headers).toMatchObject(Object.fromEntries(kept.map(name => [name, CARRIED[name]])))
    expect(Object.keys(headers).sort()).toEqual([...kept, ...OF_THE_CALL].sort())
    expect(JSON.stringify(headers)).not.toMatch(/Bearer|session|spiffe|10\.1\.2\.3|gold|internal|customer/)
  })

  test('has the span of the call in its trace headers if tracing is on', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'always_off' }
    const telemetry = await startTelemetry('chain', parseConfig(ForumConfig, env), silentLogger)
    onTestFinished(async () => { await telemetry?.shutdown() })
    await request(await chain(env, telemetry)).get('/api/users').set(SENT).expect(200)
    const [headers = {}] = arrivedHeaders()
    expect(Object.keys(headers).sort()).toEqual([...TRACE_HEADERS, 'x-request-id', ...OF_THE_CALL].sort())
    const [, trace, span] = /^00-([\da-f]{32})-([\da-f]{16})-00$/.exec(headers['traceparent'] as string) ?? []
    expect(trace).toBe(TRACE)
    expect(span).not.toBe('00f067aa0ba902b7')
    const requestId = CARRIED['x-request-id']
    expect(headers).toMatchObject({ b3: `${TRACE}-${span}-0`, 'x-b3-spanid': span, 'x-request-id': requestId })
  })
})

test('front and catalog accept all headers that the webapp accepts; it answers larger ones with 431', async () => {
  const app = buildCatalog(resolveVersion(parseConfig(CatalogEnv, {})), { logger: silentLogger })
  const front = buildFront([await listen(app)], silentLogger)
  onTestFinished(async () => {
    await front.close()
    await app.close()
  })
  const webapp = await chain({ CATALOG_SERVICE_PORT: new URL(await listen(front)).port })
  const call = (bytes: number) => request(webapp).get('/api/catalog').set('x-large', 'a'.repeat(bytes))
  const statusOf = async (bytes: number) => (await call(bytes)).status
  expect(await statusOf(17_000)).toBe(200)
  const near = Array.from({ length: 40 }, (_, step) => MAX_FORWARDED_HEADER_BYTES - 400 + step * 20)
  const statuses = []
  for (const bytes of near) statuses.push(await statusOf(bytes))
  expect(statuses.toSorted()).toEqual(statuses)
  expect(new Set(statuses)).toEqual(new Set([200, 431]))
})

import { ItemInput } from '@outfitters/catalog/item'
import { flawsOfDocument, silentLogger } from '@outfitters/service-kit/testing'
import { parseConfig } from '@outfitters/service-kit'
import request from 'supertest'
import { expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { NewCatalogItem } from '../src/clients/catalog.ts'
import { WebappConfig } from '../src/config.ts'
import { answering, start } from './start.ts'

const ITEM = { id: 1, color: 'red', department: 'Toys', name: 'Kite', price: '9.00' }
const SERVED = { 'x-served-by': 'catalog-7', 'x-served-version': 'v2' }
const CATALOG_FAILED = [500, 'text/plain; charset=utf-8', 'error calling Catalog service']
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options'] as const

test.each(METHODS)('like the original, catalog, item and users answer every method: %s', async method => {
  const { origin, catalog } = await start({
    catalog: (request, response) => { response.end(JSON.stringify(request.url === '/items' ? [ITEM] : ITEM)) },
    forum: answering(200, [{ name: 'Ada' }])
  })
  const bodies = { '/api/catalog?page=2': [ITEM], '/api/catalog/items/1/': ITEM, '/api/users': [{ name: 'Ada' }] }
  for (const [path, body] of Object.entries(bodies)) {
    const call = request(origin)[method](path)
    const answer = await (method === 'get' || method === 'options' ? call : call.type('xml').send('<any/>'))
    expect([answer.status, answer.body], `${method} ${path}`).toEqual([200, body])
  }
  expect(catalog.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /items', 'GET /items/1'])
})

test('an id that is not a number is a 404 and does not reach the catalog', async () => {
  const { origin, catalog } = await start()
  expect((await request(origin).get('/api/catalog/items/x')).status).toBe(404)
  expect(catalog.requests).toHaveLength(0)
})

test('keys have the order of the book, and an item without an image has no imageUrl', async () => {
  const withImage = { imageUrl: '/images/kite.svg', price: '1', name: 'n', id: 2 }
  const { origin } = await start({ catalog: answering(200, [withImage, ITEM]) })
  const expected = [
    '{"id":2,"color":"","department":"","name":"n","price":"1","imageUrl":"/images/kite.svg"}',
    '{"id":1,"color":"red","department":"Toys","name":"Kite","price":"9.00"}'
  ]
  expect((await request(origin).get('/api/catalog')).text).toBe(`[${expected.join()}]`)
})

test('users are forwarded with all keys of the forum, in their order', async () => {
  const users = [{ id: 1, name: 'Ada', username: 'a', email: 'e', extra: { b: 1, a: 2 } }]
  const { origin } = await start({ forum: answering(200, JSON.stringify(users, null, 2)) })
  const answer = await request(origin).get('/api/users')
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(answer.text).toBe(JSON.stringify(users))
})

// The original treated a 503 with a JSON body as a success.
test.each<[string, number, unknown, Record<string, string>]>([
  ['a 503 with JSON', 503, [ITEM], SERVED],
  ['a 403 from the mesh', 403, 'RBAC: access denied', {}],
  ['a 404 from the mesh', 404, '', {}],
  ['a 404 for the list, even from the catalog itself', 404, 'Not Found', SERVED],
  ['text that is not JSON', 200, '<html>', SERVED],
  ['JSON of another shape', 200, { items: [] }, SERVED],
  ['an item whose id is a string', 200, [{ ...ITEM, id: 'abc' }], SERVED],
  ['an item whose image is a number', 200, [{ ...ITEM, imageUrl: 5 }], SERVED],
  ['a redirect', 302, '', {}]
])('%s from the catalog becomes the book\'s 500', async (_name, status, body, headers) => {
  const { origin } = await start({ catalog: answering(status, body, headers) })
  const answer = await request(origin).get('/api/catalog')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual(CATALOG_FAILED)
})

test('a 404 for an item is forwarded from the catalog, but a 404 from a proxy becomes a 500', async () => {
  const unknown = await start({ catalog: answering(404, 'Not Found', SERVED) })
  const answer = await request(unknown.origin).get('/api/catalog/items/99')
  expect([answer.status, answer.text, answer.headers['x-served-by']]).toEqual([404, 'Not Found', 'catalog-7'])

  const proxy = await start({ catalog: answering(404, '') })
  const refused = await request(proxy.origin).get('/api/catalog/items/99')
  expect([refused.status, refused.headers['content-type'], refused.text]).toEqual(CATALOG_FAILED)
})

test('a catalog that does not answer within UPSTREAM_TIMEOUT_MS becomes a 500; the default is 15 s', async () => {
  const { origin } = await start({ catalog: () => {}, env: { UPSTREAM_TIMEOUT_MS: '300' } })
  const answer = await request(origin).get('/api/catalog')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual(CATALOG_FAILED)
  expect(parseConfig(WebappConfig, {}).UPSTREAM_TIMEOUT_MS).toBe(15_000)
})

test('answers forward the identity of the catalog: pod, version, attempt and fault', async () => {
  const identity = { ...SERVED, 'x-attempt': '3', 'x-chaos': '500' }
  for (const [status, expected] of [[200, 200], [500, 500]] as const) {
    const { origin } = await start({ catalog: answering(status, [ITEM], identity) })
    const answer = await request(origin).get('/api/catalog').set('x-envoy-attempt-count', '1')
    expect(answer.status).toBe(expected)
    expect(answer.headers).toMatchObject(identity)
  }
})

test('an answer without a catalog names no pod and no version; other answers name the webapp', async () => {
  const { origin } = await start({ catalog: 1 })
  const failed = await request(origin).get('/api/catalog')
  expect(failed.headers).not.toHaveProperty('x-served-by')
  expect(failed.headers).not.toHaveProperty('x-served-version')
  expect((await request(origin).get('/api/healthz')).headers)
    .toMatchObject({ 'x-served-by': 'webapp-1', 'x-served-version': 'v1' })
})

test('x-chaos names a fault of the webapp and a fault of the catalog', async () => {
  const { origin } = await start({ catalog: answering(500, '', { ...SERVED, 'x-chaos': '500' }) })
  await request(origin).post('/blowup').send({ type: 'latency', latencyMs: 1 })
  expect((await request(origin).get('/api/catalog')).headers['x-chaos']).toBe('latency,500')
})

test('the log has a line for a failed request and a line with the reason', async () => {
  const { origin, lines } = await start({ catalog: answering(503, '') })
  await request(origin).get('/api/catalog')
  const access = { msg: 'request', method: 'GET', path: '/api/catalog', status: 500, client: '127.0.0.1' }
  await expect.poll(() => lines).toContainEqual(expect.objectContaining(access))
  const reason = { level: 'warn', code: 'UPSTREAM_STATUS', msg: 'catalog answered 503' }
  expect(lines).toContainEqual(expect.objectContaining(reason))
})

const CONTENT_TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'x/y', 'foo', '/']
test.each(CONTENT_TYPES)('an item sent as %s is read as JSON', async type => {
  const { origin, catalog } = await start({
    catalog: (request, response) => { request.pipe(response.writeHead(201, SERVED)) }
  })
  const item = JSON.stringify({ name: 'Kite', price: '9.00' })
  const answer = await request(origin).post('/api/catalog/items/').set('Content-Type', type).send(item)
  expect([answer.status, answer.text, answer.headers['x-served-by']]).toEqual([200, 'null', 'catalog-7'])
  const [call] = catalog.requests
  expect(call).toMatchObject({ method: 'POST', url: '/items', headers: { 'content-type': 'application/json' } })
})

test.each<[string, string]>([
  ['{', 'Invalid CatalogItem'],
  ['', 'Invalid CatalogItem\nbody must be object'],
  ['[]', 'Invalid CatalogItem\nbody must be object'],
  ['{"name":"Kite"}', "Invalid CatalogItem\nbody must have required property 'price'"],
  ['{"name":"Kite","price":9}', 'Invalid CatalogItem\nbody/price must be string'],
  [
    '{"name":"Kite","price":"nine"}',
    'Invalid CatalogItem\nbody/price must be a decimal number in quotes, such as "84.00"'
  ]
])('an invalid item gets the book\'s 400 with reasons, and does not reach the catalog: %s', async (body, text) => {
  const { origin, catalog } = await start()
  const answer = await request(origin).post('/api/catalog/items').type('form').send(body)
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([400, 'text/plain; charset=utf-8', text])
  expect(catalog.requests).toHaveLength(0)
})

test('a client that disconnects is not logged as a failure of the upstream', async () => {
  const { origin, catalog, lines } = await start({ catalog: () => {} })
  const client = new AbortController()
  const call = fetch(`${origin}/api/catalog`, { signal: client.signal }).catch(() => {})
  await expect.poll(() => catalog.requests.length).toBe(1)
  client.abort()
  await call
  await expect.poll(() => catalog.requests[0]?.destroyed).toBe(true)
  await expect.poll(() => lines).toContainEqual(expect.objectContaining({ level: 'debug', code: 'CALLER_GONE' }))
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([])
})

test('an item that the catalog refuses, or does not receive, gets the book\'s 500', async () => {
  for (const catalog of [answering(409, '{}', SERVED), 1]) {
    const { origin } = await start({ catalog })
    const answer = await request(origin).post('/api/catalog/items').send({ name: 'Kite', price: '9.00' })
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual(CATALOG_FAILED)
  }
})

test('webapp and catalog accept the same items', () => {
  const withoutTexts = (key: string, value: unknown) => key === 'title' || key === 'description' ? undefined : value
  const rules = (schema: object) => JSON.parse(JSON.stringify(schema, withoutTexts))
  expect(rules(NewCatalogItem)).toEqual(rules(ItemInput))
})

test('by default, faults hit the API, but neither the probes nor the page', async () => {
  const { origin } = await start()
  await request(origin).post('/blowup').send({ type: '500' })
  const statuses = {
    '/api/catalog': 500,
    '/api/users': 500,
    '/api/healthz': 200,
    '/': 200,
    '/static/style.css': 200
  }
  for (const [path, status] of Object.entries(statuses)) {
    expect((await request(origin).get(path)).status, path).toBe(status)
  }
})

test.each([
  ['CATALOG_SERVICE_PORT', 'tcp://10.0.0.1:80'],
  ['CATALOG_SERVICE_HOST', 'http://catalog'],
  ['FORUM_SERVICE_HOST', '1.2.3.4.5'],
  ['UPSTREAM_TIMEOUT_MS', '0']
])('%s=%s is refused at the start', (name, value) => {
  expect(() => parseConfig(WebappConfig, { [name]: value })).toThrow(new RegExp(name))
})

test('the OpenAPI document describes exactly the routes that exist', async () => {
  const app = buildApp(parseConfig(WebappConfig, {}), { logger: silentLogger })
  expect(await flawsOfDocument(app)).toEqual([])
  await app.close()
})

test('a full catalog is a 409 with the reason, for the API and in the page', async () => {
  const message = 'the catalog is full: it holds at most 1000 items; replace an item with PUT, or restart this pod'
  const body = { statusCode: 409, code: 'CATALOG_FULL', error: 'Conflict', message }
  const { origin } = await start({ catalog: answering(409, body, SERVED) })
  const item = { name: 'Kite', price: '9.00' }
  const answer = await request(origin).post('/api/catalog/items').send(JSON.stringify(item))
  expect([answer.status, answer.body]).toEqual([409, body])
  const page = await request(origin).post('/').type('form').send(item)
  expect([page.status, page.text]).toEqual([409, expect.stringContaining('the catalog is full')])
})

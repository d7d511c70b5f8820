import { connect } from 'node:net'
import { once } from 'node:events'
import request from 'supertest'
import { beforeEach, expect, test } from 'vitest'
import type { Service } from '@outfitters/service-kit'
import { MAX_ITEMS } from '../src/catalog.ts'
import { start } from './start.ts'

const CHAIR = { id: 9, color: 'blue', department: 'Books', name: 'Licensed Plastic Chair', price: '918.00' }

let app: Service
let origin: string
beforeEach(async () => { ({ app, origin } = await start()) })

// The original answered twice: the second attempt threw an error and destroyed the connection.
test('one item is answered once, and its connection stays open', async () => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  for (const id of [1, 2, 3]) {
    socket.write(`GET /items/${id} HTTP/1.1\r\nHost: catalog\r\n\r\n`)
    const [data] = await once(socket, 'data')
    expect(String(data)).toMatch(/^HTTP\/1\.1 200 OK/)
  }
  socket.destroy()
})

const UNKNOWN_IDS = ['99', '0', 'x', '-1', '1.0', '1e0', '9'.repeat(19), '9'.repeat(2000), '%zz', '__proto__']
test.each(UNKNOWN_IDS)('there is no item %s', async id => {
  const answer = await request(origin).get(`/items/${id}`)
  expect([answer.status, answer.text]).toEqual([404, 'Not Found'])
})

test('an id may be as long as the request line allows', async () => {
  expect((await request(origin).get(`/items/${'9'.repeat(60_000)}`)).status).toBe(404)
})

test('new ids start at 5, and the catalog ignores an id in a POST', async () => {
  await request(origin).post('/items').send({ ...CHAIR, id: 1 }).expect(201).expect('location', '/items/5')
  await request(origin).post('/items').send(CHAIR).expect(201).expect('location', '/items/6')
  const { body } = await request(origin).get('/items')
  expect(body.map(({ id }: { id: number }) => id)).toEqual([1, 2, 3, 4, 5, 6])
  expect((await request(origin).get('/items/1')).body.name).toBe('Elinor Glasses')
})

test('a missing color or department becomes an empty string', async () => {
  await request(origin).post('/items').send({ name: 'Shoes', price: '84.00' }).expect(201)
  expect((await request(origin).get('/items/5')).body)
    .toEqual({ id: 5, color: '', department: '', name: 'Shoes', price: '84.00' })
})

test.each<[unknown, string]>([
  [{}, "body must have required property 'name'; body must have required property 'price'"],
  [{ ...CHAIR, price: 918 }, 'body/price must be string'],
  [{ ...CHAIR, price: 'cheap' }, 'body/price must be a decimal number in quotes, such as "84.00"'],
  [{ ...CHAIR, price: '-1.00' }, 'body/price must be a decimal number in quotes, such as "84.00"'],
  [{ ...CHAIR, name: '' }, 'body/name must NOT have fewer than 1 characters'],
  [{ ...CHAIR, name: 'x'.repeat(201) }, 'body/name must NOT have more than 200 characters'],
  [{ ...CHAIR, id: '9' }, 'body/id must be integer'],
  [{ ...CHAIR, colour: 'blue' }, 'body must not have "colour"'],
  [{ ...CHAIR, imageUrl: 'javascript:alert(1)' }, 'body/imageUrl must be an http(s) URL or a path'],
  [[], 'body must be object'],
  ['null', 'body must be object']
])('an invalid item gets a 400 that names the field and the reason, and is not added: %j', async (body, message) => {
  for (const answer of [
    await request(origin).post('/items').type('json').send(body as object),
    await request(origin).put('/items/9').type('json').send(body as object)
  ]) {
    expect([answer.status, answer.body.message]).toEqual([400, message])
  }
  expect((await request(origin).get('/items')).body).toHaveLength(4)
})

// The original added an item that had only an id.
test('a POST without a body gets a 400', async () => {
  expect((await request(origin).post('/items')).status).toBe(400)
})

test('PUT adds an item under its id, then replaces it', async () => {
  const added = await request(origin).put('/items/9').send(CHAIR)
  expect([added.status, added.body]).toEqual([201, CHAIR])
  const replaced = await request(origin).put('/items/9').send({ name: 'Chair', price: '1' })
  expect([replaced.status, replaced.body])
    .toEqual([200, { id: 9, color: '', department: '', name: 'Chair', price: '1' }])
  expect((await request(origin).get('/items/9')).body.name).toBe('Chair')
})

test('POST never assigns an id that a PUT has used', async () => {
  await request(origin).put('/items/5').send({ ...CHAIR, id: 5 }).expect(201)
  await request(origin).post('/items').send(CHAIR).expect(201).expect('location', '/items/6')
  expect((await request(origin).get('/items/5')).body.name).toBe('Licensed Plastic Chair')
})

test('PUT refuses a body whose id differs from the path, and an id in the path that is not a number', async () => {
  const other = await request(origin).put('/items/8').send(CHAIR)
  expect([other.status, other.body.message]).toEqual([400, 'body/id must be 8, as in the path, or left out'])
  const none = await request(origin).put('/items/nine').send({ name: 'x', price: '1' })
  expect([none.status, none.body.message]).toEqual([400, 'params/id must be a whole number from 1 to 9007199254740991'])
  expect((await request(origin).put('/items/0').send({ name: 'x', price: '1' })).status).toBe(400)
})

test('a full catalog refuses a new item with the reason, and keeps its items', async () => {
  for (let id = 5; id <= MAX_ITEMS; id++) {
    await app.inject({ method: 'PUT', url: `/items/${id}`, payload: { name: `n${id}`, price: '1' } })
  }
  for (const refused of [
    await request(origin).post('/items').send(CHAIR),
    await request(origin).put('/items/5000').send({ ...CHAIR, id: 5000 })
  ]) {
    expect([refused.status, refused.body.code]).toEqual([409, 'CATALOG_FULL'])
  }
  expect((await request(origin).put('/items/1000').send({ name: 'new', price: '1' })).status).toBe(200)
  const items = (await request(origin).get('/items')).body
  expect(items).toHaveLength(MAX_ITEMS)
  expect(items[0].name).toBe('Elinor Glasses')
})

test('a catalog refuses items that are too large together, and an item of another size can replace one', async () => {
  const large = { name: '\u0000'.repeat(200), price: '1', imageUrl: `/${'"'.repeat(2000)}` }
  let added = 0
  while ((await app.inject({ method: 'POST', url: '/items', payload: large })).statusCode === 201) added++
  const refused = await request(origin).post('/items').send(large)
  expect([refused.status, refused.body.code, refused.body.message])
    .toEqual([409, 'CATALOG_FULL', expect.stringContaining('it holds at most 256 KiB of items')])
  expect(added).toBeLessThan(200)
  expect((await request(origin).put('/items/5').send({ name: 'small', price: '1' })).status).toBe(200)
  expect((await request(origin).post('/items').send(large)).status).toBe(201)
  expect((await request(origin).get('/items')).text.length).toBeLessThan(350 * 1024)
})

test('scripts of any page may use the items, but not the faults', async () => {
  const items = await request(origin).get('/items').set('Origin', 'http://x')
  expect(items.headers['access-control-allow-origin']).toBe('http://x')
  expect((await request(origin).options('/items/1')).status).toBe(204)
  const faults = await request(origin).get('/blowup').set('Origin', 'http://x')
  expect(faults.headers).not.toHaveProperty('access-control-allow-origin')
})

test('scripts can read an injected error, and no fault hits a preflight request', async () => {
  await request(origin).post('/blowup').send({ type: '500' })
  const answer = await request(origin).get('/items').set('Origin', 'http://x')
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([500, 'http://x'])
  const preflight = { Origin: 'http://x', 'Access-Control-Request-Method': 'GET' }
  expect((await request(origin).options('/items').set(preflight)).status).toBe(204)
})

test('GET / answers with a page', async () => {
  const answer = await request(origin).get('/')
  expect([answer.status, answer.type]).toEqual([200, 'text/html'])
})

test('a trailing slash and a query do not change the answer', async () => {
  expect((await request(origin).get('/items/')).status).toBe(200)
  expect((await request(origin).get('/items/1/?a=b')).body.id).toBe(1)
})

test('faults hit only paths that contain "items"', async () => {
  await request(origin).post('/blowup').send({ type: '500' })
  for (const [path, status] of [['/items', 500], ['/items/1', 500], ['/', 200], ['/healthz', 200]] as const) {
    expect((await request(origin).get(path)).status, path).toBe(status)
  }
})

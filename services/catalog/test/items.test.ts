import { connect } from 'node:net'
import { once } from 'node:events'
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '@outfitters/service-kit'
import { MAX_ITEMS } from '../src/catalog.ts'
import { start } from './start.ts'

const CHAIR = { id: 9, color: 'blue', department: 'Books', name: 'Licensed Plastic Chair', price: '918.00' }

let app: Service
let origin: string
beforeEach(async () => { ({ app, origin } = await start()) })
afterEach(() => app.close())

// The original answered, tried to answer once more, threw, and destroyed the connection.
test('one item is answered once, and its connection lives on', async () => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  for (const id of [1, 2, 3]) {
    socket.write(`GET /items/${id} HTTP/1.1\r\nHost: catalog\r\n\r\n`)
    const [data] = await once(socket, 'data')
    expect(String(data)).toMatch(/^HTTP\/1\.1 200 OK/)
  }
  socket.destroy()
})

test.each(['99', '0', 'x', '-1', '1.0', '1e0', '9'.repeat(19), '9'.repeat(2000), '%zz', '__proto__'])('there is no item %s', async id => {
  const answer = await request(origin).get(`/items/${id}`)
  expect([answer.status, answer.text]).toEqual([404, 'Not Found'])
})

test('an id may be as long as a request line', async () => {
  expect((await request(origin).get(`/items/${'9'.repeat(60_000)}`)).status).toBe(404)
})

test('ids go on from 5; an id that is sent is overwritten', async () => {
  await request(origin).post('/items').send({ ...CHAIR, id: 1 }).expect(201).expect('location', '/items/5')
  await request(origin).post('/items').send(CHAIR).expect(201).expect('location', '/items/6')
  expect((await request(origin).get('/items')).body.map(({ id }: { id: number }) => id)).toEqual([1, 2, 3, 4, 5, 6])
  expect((await request(origin).get('/items/1')).body.name).toBe('Elinor Glasses')
})

test('color and department may be left out, and are empty then', async () => {
  await request(origin).post('/items').send({ name: 'Shoes', price: '84.00' }).expect(201)
  expect((await request(origin).get('/items/5')).body).toEqual({ id: 5, color: '', department: '', name: 'Shoes', price: '84.00' })
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
])('what is no item is a 400 with the field and the reason, and nothing is added: %j', async (body, message) => {
  for (const answer of [
    await request(origin).post('/items').type('json').send(body as object),
    await request(origin).put('/items/9').type('json').send(body as object)
  ]) {
    expect([answer.status, answer.body.message]).toEqual([400, message])
  }
  expect((await request(origin).get('/items')).body).toHaveLength(4)
})

// The original made an item that had an id and nothing else.
test('a POST with no body is a 400', async () => {
  expect((await request(origin).post('/items')).status).toBe(400)
})

test('PUT adds an item under its number, then replaces it', async () => {
  const added = await request(origin).put('/items/9').send(CHAIR)
  expect([added.status, added.body]).toEqual([201, CHAIR])
  const replaced = await request(origin).put('/items/9').send({ name: 'Chair', price: '1' })
  expect([replaced.status, replaced.body]).toEqual([200, { id: 9, color: '', department: '', name: 'Chair', price: '1' }])
  expect((await request(origin).get('/items/9')).body.name).toBe('Chair')
})

test('an added item never takes the number of one that was put', async () => {
  await request(origin).put('/items/5').send({ ...CHAIR, id: 5 }).expect(201)
  await request(origin).post('/items').send(CHAIR).expect(201).expect('location', '/items/6')
  expect((await request(origin).get('/items/5')).body.name).toBe('Licensed Plastic Chair')
})

test('PUT refuses another id in the body than in the path, and a path that is no number', async () => {
  const other = await request(origin).put('/items/8').send(CHAIR)
  expect([other.status, other.body.message]).toEqual([400, 'body/id must be the 8 of the path, or left out'])
  const none = await request(origin).put('/items/nine').send({ name: 'x', price: '1' })
  expect([none.status, none.body.message]).toEqual([400, 'params/id must be a whole number from 1 to 9007199254740991'])
  expect((await request(origin).put('/items/0').send({ name: 'x', price: '1' })).status).toBe(400)
})

test('a full catalog refuses another item, says so, and loses none', async () => {
  for (let id = 5; id <= MAX_ITEMS; id++) await app.inject({ method: 'PUT', url: `/items/${id}`, payload: { name: `n${id}`, price: '1' } })
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

test('scripts of any page may use the items, and no page the faults', async () => {
  expect((await request(origin).get('/items').set('Origin', 'http://x')).headers['access-control-allow-origin']).toBe('http://x')
  expect((await request(origin).options('/items/1')).status).toBe(204)
  expect((await request(origin).get('/blowup').set('Origin', 'http://x')).headers).not.toHaveProperty('access-control-allow-origin')
})

test('an injected answer is open to scripts as a real one is, and a preflight is never hit', async () => {
  await request(origin).post('/blowup').send({ type: '500' })
  const answer = await request(origin).get('/items').set('Origin', 'http://x')
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([500, 'http://x'])
  expect((await request(origin).options('/items').set('Origin', 'http://x').set('Access-Control-Request-Method', 'GET')).status).toBe(204)
})

test('/ answers with a page', async () => {
  const answer = await request(origin).get('/')
  expect([answer.status, answer.type]).toEqual([200, 'text/html'])
})

test('a trailing slash is accepted, a query ignored', async () => {
  expect((await request(origin).get('/items/')).status).toBe(200)
  expect((await request(origin).get('/items/1/?a=b')).body.id).toBe(1)
})

test('paths with "items" in them are hit by faults, others are not', async () => {
  await request(origin).post('/blowup').send({ type: '500' })
  for (const [path, status] of [['/items', 500], ['/items/1', 500], ['/', 200], ['/healthz', 200]] as const) {
    expect((await request(origin).get(path)).status, path).toBe(status)
  }
})

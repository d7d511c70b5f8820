// Answers of the book's original, captured with curl. Bytes that clients of the original rely on must be the same here.
import request from 'supertest'
import { beforeEach, expect, test } from 'vitest'
import { start } from './start.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const FOUR_ITEMS = `[
  {
    "id": 1,
    "color": "amber",
    "department": "Eyewear",
    "name": "Elinor Glasses",
    "price": "282.00"
  },
  {
    "id": 2,
    "color": "cyan",
    "department": "Clothing",
    "name": "Atlas Shirt",
    "price": "127.00"
  },
  {
    "id": 3,
    "color": "teal",
    "department": "Clothing",
    "name": "Small Metal Shoes",
    "price": "232.00"
  },
  {
    "id": 4,
    "color": "red",
    "department": "Watches",
    "name": "Red Dragon Watch",
    "price": "232.00"
  }
]`
const ITEM_1 = `{
  "id": 1,
  "color": "amber",
  "department": "Eyewear",
  "name": "Elinor Glasses",
  "price": "282.00"
}`

let origin: string
beforeEach(async () => { ({ origin } = await start()) })

test('catalog-items', async () => {
  const answer = await request(origin).get('/items')
  expect([answer.status, answer.type, answer.headers['content-length']]).toEqual([200, 'application/json', '502'])
  expect(answer.headers['content-type']).toBe(JSON_TYPE)
  expect(answer.text).toBe(FOUR_ITEMS)
})

test('catalog-item-1', async () => {
  const answer = await request(origin).get('/items/1')
  expect([answer.status, answer.headers['content-type']]).toEqual([200, JSON_TYPE])
  expect(answer.headers['content-length']).toBe('109')
  expect(answer.text).toBe(ITEM_1)
})

test('catalog-item-unknown', async () => {
  const answer = await request(origin).get('/items/99')
  expect([answer.status, answer.text]).toEqual([404, 'Not Found'])
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
})

test('catalog-head', async () => {
  const answer = await request(origin).head('/items')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, JSON_TYPE, undefined])
  expect(answer.headers['content-length']).toBe('502')
})

test('catalog-options', async () => {
  const preflight = { Origin: 'http://x', 'Access-Control-Request-Method': 'GET' }
  const answer = await request(origin).options('/items').set(preflight)
  expect([answer.status, answer.headers['content-length'], answer.text]).toEqual([204, '0', ''])
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': 'http://x',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE'
  })
})

test('catalog-post-item', async () => {
  const item = { color: 'blue', department: 'Sports', name: 'Basketball hoop', price: '2700.00' }
  const answer = await request(origin).post('/items').send(item)
  expect([answer.status, answer.text]).toEqual([201, ''])
  expect((await request(origin).get('/items/5')).body).toEqual({ id: 5, ...item })
})

test('catalog-post-malformed', async () => {
  const answer = await request(origin).post('/items').type('json').send('{bad')
  expect(answer.status).toBe(400)
})

test('catalog-unknown-path', async () => {
  expect((await request(origin).get('/nothing')).status).toBe(404)
})

test('catalog-blowup-empty', async () => {
  const answer = await request(origin).get('/blowup')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, JSON_TYPE, '{}'])
})

test('catalog-blowup-set, catalog-items-500, catalog-blowup-get, catalog-blowup-delete', async () => {
  const set = await request(origin).post('/blowup').send({ active: true, type: '500', percentage: 100 })
  expect([set.status, set.text.slice(0, 8)]).toEqual([200, 'blowups='])

  const hit = await request(origin).get('/items')
  expect([hit.status, hit.text]).toEqual([500, ''])

  // The keys of the original come first; ours adds `state`.
  const rules = await request(origin).get('/blowup')
  expect([rules.status, rules.headers['content-type']]).toEqual([200, JSON_TYPE])
  const [outer, name, ...keys] = rules.text.split('\n').slice(0, 6)
  expect([outer, name]).toEqual(['{', '  "500": {'])
  expect(keys).toEqual(['    "active": true,', '    "type": "500",', '    "percentage": 100,', '    "state": {'])

  const deleted = await request(origin).delete('/blowup').send({ type: '500' })
  expect([deleted.status, deleted.text]).toEqual([200, 'deleted blowup 500'])
})

test('catalog-v2-items and catalog-v2-item-1, with the image URL of the original', async () => {
  const IMAGE_URL = 'http://lorempixel.com/640/480'
  const { origin } = await start({ SHOW_IMAGE: 'true', IMAGE_URL })
  const withImages = FOUR_ITEMS.replace(/"price": ".*"/g, price => `${price},\n    "imageUrl": "${IMAGE_URL}"`)
  const list = await request(origin).get('/items')
  expect([list.status, list.headers['content-length'], list.text]).toEqual([200, '698', withImages])
  const item = await request(origin).get('/items/1')
  expect(item.headers['content-length']).toBe('156')
  expect(item.text).toBe(ITEM_1.replace('282.00"', `282.00",\n  "imageUrl": "${IMAGE_URL}"`))
})

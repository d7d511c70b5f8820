// What the book's original answered, byte for byte where a drop-in must keep it (captured from the original by curl).
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '@outfitters/service-kit'
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
const withImage = (json: string) => json.replace(/"price": ".*"/g, price => `${price},\n    "imageUrl": "http://lorempixel.com/640/480"`)

let app: Service
let origin: string
const restart = async (env: Record<string, string>) => {
  await app.close()
  ;({ app, origin } = await start(env))
}

beforeEach(async () => { ({ app, origin } = await start()) })
afterEach(() => app.close())

test('catalog-items', async () => {
  const answer = await request(origin).get('/items')
  expect([answer.status, answer.type, answer.headers['content-length']]).toEqual([200, 'application/json', '502'])
  expect(answer.headers['content-type']).toBe(JSON_TYPE)
  expect(answer.text).toBe(FOUR_ITEMS)
})

test('catalog-item-1', async () => {
  const answer = await request(origin).get('/items/1')
  expect([answer.status, answer.headers['content-type'], answer.headers['content-length']]).toEqual([200, JSON_TYPE, '109'])
  expect(answer.text).toBe('{\n  "id": 1,\n  "color": "amber",\n  "department": "Eyewear",\n  "name": "Elinor Glasses",\n  "price": "282.00"\n}')
})

test('catalog-item-unknown', async () => {
  const answer = await request(origin).get('/items/99')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([404, 'text/plain; charset=utf-8', 'Not Found'])
})

test('catalog-head', async () => {
  const answer = await request(origin).head('/items')
  expect([answer.status, answer.headers['content-type'], answer.headers['content-length'], answer.text]).toEqual([200, JSON_TYPE, '502', undefined])
})

test('catalog-options', async () => {
  const answer = await request(origin).options('/items').set('Origin', 'http://x').set('Access-Control-Request-Method', 'GET')
  expect([answer.status, answer.headers['content-length'], answer.text]).toEqual([204, '0', ''])
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': 'http://x',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE'
  })
})

test('catalog-post-item', async () => {
  const answer = await request(origin).post('/items').send({ color: 'blue', department: 'Sports', name: 'Basketball hoop', price: '2700.00' })
  expect([answer.status, answer.text]).toEqual([201, ''])
  expect((await request(origin).get('/items/5')).body).toEqual({ id: 5, color: 'blue', department: 'Sports', name: 'Basketball hoop', price: '2700.00' })
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

  // The original's rule, and behind it what ours tells besides.
  const rules = await request(origin).get('/blowup')
  expect([rules.status, rules.headers['content-type']]).toEqual([200, JSON_TYPE])
  expect(rules.text).toMatch(/^\{\n {2}"500": \{\n {4}"active": true,\n {4}"type": "500",\n {4}"percentage": 100,\n {4}"state": \{/)

  const deleted = await request(origin).delete('/blowup').send({ type: '500' })
  expect([deleted.status, deleted.text]).toEqual([200, 'deleted blowup 500'])
})

test('catalog-v2-items and catalog-v2-item-1, with the image that the original had', async () => {
  await restart({ SHOW_IMAGE: 'true', IMAGE_URL: 'http://lorempixel.com/640/480' })
  const list = await request(origin).get('/items')
  expect([list.status, list.headers['content-length'], list.text]).toEqual([200, '698', withImage(FOUR_ITEMS)])
  const item = await request(origin).get('/items/1')
  expect(item.headers['content-length']).toBe('156')
  expect(item.text).toBe('{\n  "id": 1,\n  "color": "amber",\n  "department": "Eyewear",\n  "name": "Elinor Glasses",\n  "price": "282.00",\n  "imageUrl": "http://lorempixel.com/640/480"\n}')
})

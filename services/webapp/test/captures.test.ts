// Answers of the book's original, captured with curl. Bytes that clients of the original rely on must be the same here.
// Our catalog runs behind the webapp.
import { parseConfig } from '@outfitters/service-kit'
import { listen, silentLogger } from '@outfitters/service-kit/testing'
import { buildApp as buildCatalog } from '@outfitters/catalog/app'
import { CatalogEnv, resolveVersion } from '@outfitters/catalog/config'
import request from 'supertest'
import { expect, onTestFinished, test } from 'vitest'
import { answering, start } from './start.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const TEXT = 'text/plain; charset=utf-8'
const ITEM_1 = '{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"}'
const FOUR_ITEMS = `[${[
  ITEM_1,
  '{"id":2,"color":"cyan","department":"Clothing","name":"Atlas Shirt","price":"127.00"}',
  '{"id":3,"color":"teal","department":"Clothing","name":"Small Metal Shoes","price":"232.00"}',
  '{"id":4,"color":"red","department":"Watches","name":"Red Dragon Watch","price":"232.00"}'
].join()}]`

async function withCatalog (env: Record<string, string> = {}) {
  const config = resolveVersion(parseConfig(CatalogEnv, { HOSTNAME: 'catalog-1', ...env }))
  const catalog = buildCatalog(config, { logger: silentLogger })
  onTestFinished(() => catalog.close())
  const port = Number(new URL(await listen(catalog)).port)
  return start({ catalog: port })
}

test('webapp-catalog', async () => {
  const { origin } = await withCatalog()
  const answer = await request(origin).get('/api/catalog')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, JSON_TYPE, FOUR_ITEMS])
  expect(answer.headers['content-length']).toBe('357')
})

test('webapp-catalog-slash', async () => {
  const { origin } = await withCatalog()
  const answer = await request(origin).get('/api/catalog/')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, JSON_TYPE, FOUR_ITEMS])
})

test('webapp-catalog-v2', async () => {
  const { origin } = await withCatalog({ SHOW_IMAGE: 'true', IMAGE_URL: 'http://lorempixel.com/640/480' })
  const answer = await request(origin).get('/api/catalog')
  expect([answer.status, answer.headers['content-length'], answer.text])
    .toEqual([200, '529', FOUR_ITEMS.replaceAll('.00"}', '.00","imageUrl":"http://lorempixel.com/640/480"}')])
})

test('webapp-item-1', async () => {
  const { origin } = await withCatalog()
  const answer = await request(origin).get('/api/catalog/items/1')
  expect([answer.status, answer.headers['content-type'], answer.headers['content-length'], answer.text])
    .toEqual([200, JSON_TYPE, '88', ITEM_1])
})

// Fixed here: the original answered 500.
test('webapp-item-unknown', async () => {
  const { origin } = await withCatalog()
  const answer = await request(origin).get('/api/catalog/items/99')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([404, TEXT, 'Not Found'])
})

test('webapp-post', async () => {
  const { origin } = await withCatalog()
  const item = '{"id":2,"name":"Shoes","price":"84.00"}'
  const answer = await request(origin).post('/api/catalog/items').type('form').send(item)
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, JSON_TYPE, 'null'])
  expect((await request(origin).get('/api/catalog/items/5')).text)
    .toBe('{"id":5,"color":"","department":"","name":"Shoes","price":"84.00"}')
})

test('webapp-post-invalid', async () => {
  const { origin } = await withCatalog()
  const answer = await request(origin).post('/api/catalog/items').type('form').send('x')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([400, TEXT, 'Invalid CatalogItem'])
})

test('webapp-catalog-down', async () => {
  const { origin } = await start({ catalog: 1 })
  const answer = await request(origin).get('/api/catalog')
  expect([answer.status, answer.headers['content-type'], answer.text])
    .toEqual([500, TEXT, 'error calling Catalog service'])
})

test('webapp-users-down', async () => {
  const { origin } = await start({ forum: answering(500, 'error calling Users service') })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.headers['content-type'], answer.text])
    .toEqual([500, TEXT, 'error calling Forum service'])
})

test('webapp-healthz', async () => {
  const { origin } = await start()
  const answer = await request(origin).get('/api/healthz')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, TEXT, 'Healthy!'])
})

test('webapp-unknown', async () => {
  const { origin } = await start()
  expect((await request(origin).get('/hello/world')).status).toBe(404)
})

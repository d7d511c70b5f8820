import { flawsOfDocument } from '@outfitters/service-kit/testing'
import { expect, test } from 'vitest'
import { catalog } from './start.ts'

const IMAGE = '/images/elinor-glasses.svg'

test.each([
  [{}, { version: 'v1', imageUrl: undefined }],
  [{ SHOW_IMAGE: 'true' }, { version: 'v2', imageUrl: IMAGE }],
  [{ SERVICE_VERSION: 'v2' }, { version: 'v2', imageUrl: IMAGE }],
  [{ SHOW_IMAGE: 'false' }, { version: 'v1', imageUrl: undefined }], // the original showed images here
  [{ SERVICE_VERSION: 'v2', SHOW_IMAGE: 'false' }, { version: 'v2', imageUrl: undefined }],
  [
    { SERVICE_VERSION: 'v3', SHOW_IMAGE: 'true', IMAGE_URL: 'http://x/y.png' },
    { version: 'v3', imageUrl: 'http://x/y.png' }
  ]
])('the environment %j gives %j', async (env, expected) => {
  const answer = await catalog(env).inject('/items/1')
  expect({ version: answer.headers['x-served-version'], imageUrl: answer.json().imageUrl }).toEqual(expected)
})

test.each([
  ['v2 shows', { SHOW_IMAGE: 'true' }, 'https://pictures.example/tent.png'],
  ['v1 does not show', {}, undefined]
])("%s an item's own image", async (_name, env, shown) => {
  const app = catalog(env)
  const item = { name: 'Tent', price: '9.00', imageUrl: 'https://pictures.example/tent.png' }
  await app.inject({ method: 'POST', url: '/items', payload: item })
  expect((await app.inject('/items/5')).json().imageUrl).toBe(shown)
})

test.each([
  ['Small  Metal-Shoes!', 'small-metal-shoes'],
  ['Ünïcode', 'n-code'],
  ['日本', 'item'],
  ['x'.repeat(200), 'x'.repeat(64)]
])('the picture of %j is %s', async (name, slug) => {
  const app = catalog({ SHOW_IMAGE: 'true' })
  await app.inject({ method: 'POST', url: '/items', payload: { name, price: '1' } })
  expect((await app.inject('/items/5')).json().imageUrl).toBe(`/images/${slug}.svg`)
})

test('the OpenAPI document describes exactly the routes that exist', async () => {
  expect(await flawsOfDocument(catalog())).toEqual([])
})

import { flawsOfDocument } from '@outfitters/service-kit/testing'
import { expect, test } from 'vitest'
import { catalog } from './start.ts'

async function firstItem (env: Record<string, string>) {
  const app = catalog(env)
  const answer = await app.inject('/items/1')
  await app.close()
  return { version: answer.headers['x-served-version'], imageUrl: answer.json().imageUrl }
}

test.each([
  [{}, { version: 'v1', imageUrl: undefined }],
  [{ SHOW_IMAGE: 'true' }, { version: 'v2', imageUrl: '/images/elinor-glasses.svg' }],
  [{ SERVICE_VERSION: 'v2' }, { version: 'v2', imageUrl: '/images/elinor-glasses.svg' }],
  [{ SHOW_IMAGE: 'false' }, { version: 'v1', imageUrl: undefined }], // the original showed images here
  [{ SERVICE_VERSION: 'v2', SHOW_IMAGE: 'false' }, { version: 'v2', imageUrl: undefined }],
  [{ SERVICE_VERSION: 'v3', SHOW_IMAGE: 'true', IMAGE_URL: 'http://x/y.png' }, { version: 'v3', imageUrl: 'http://x/y.png' }]
])('%j makes it %j', async (env, expected) => {
  expect(await firstItem(env)).toEqual(expected)
})

test("an item's own image is shown in v2, and no image in v1", async () => {
  const item = { name: 'Tent', price: '9.00', imageUrl: 'https://pictures.example/tent.png' }
  for (const [env, imageUrl] of [[{ SHOW_IMAGE: 'true' }, item.imageUrl], [{}, undefined]] as const) {
    const app = catalog(env)
    await app.inject({ method: 'POST', url: '/items', payload: item })
    expect((await app.inject('/items/5')).json().imageUrl).toBe(imageUrl)
    await app.close()
  }
})

test.each([['Small  Metal-Shoes!', 'small-metal-shoes'], ['Ünïcode', 'n-code'], ['日本', 'item'], ['x'.repeat(200), 'x'.repeat(64)]])('the picture of %j is %s', async (name, slug) => {
  const app = catalog({ SHOW_IMAGE: 'true' })
  await app.inject({ method: 'POST', url: '/items', payload: { name, price: '1' } })
  expect((await app.inject('/items/5')).json().imageUrl).toBe(`/images/${slug}.svg`)
  await app.close()
})

test('the OpenAPI document and the routes are the same', async () => {
  const app = catalog()
  expect(await flawsOfDocument(app)).toEqual([])
  await app.close()
})

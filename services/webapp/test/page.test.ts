import { globSync, readFileSync } from 'node:fs'
import request from 'supertest'
import { expect, test } from 'vitest'
import { answering, start } from './start.ts'

const SIX = [1, 2, 3, 4, 5, 6]
const items = SIX.map(n => ({ id: n, color: 'red', department: 'd', name: `Item ${n}`, price: `${n}.00` }))
const users = SIX.map(n => ({ name: `User ${n}`, email: `u${n}@x.example`, company: { name: `Company ${n}` } }))

test('the page shows at most four items and four users, and a graph in which all services answer', async () => {
  const { origin } = await start({ catalog: answering(200, items), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  for (const shown of ['Item 4', '4.00', 'User 4', 'u4@x.example', 'Company 4', 'catalog answers, forum answers']) {
    expect(page.text).toContain(shown)
  }
  for (const hidden of ['Item 5', 'User 5', 'not available', 'imageUrl', '<img']) {
    expect(page.text).not.toContain(hidden)
  }
})

test('if both upstreams fail, the page loads, says so, and shows them red', async () => {
  const { origin } = await start({ catalog: 1, forum: answering(500, '') })
  const page = await request(origin).get('/')
  expect(page.status).toBe(200)
  expect(page.text).toContain('The catalog service is currently not available.')
  expect(page.text).toContain('The forum service is currently not available.')
  expect(page.text).toContain('catalog fails, forum fails')
  expect(page.text.match(/class="node down"/g)).toHaveLength(2)
})

test('an upstream that answers with invalid data counts as failing', async () => {
  const invalidItem = { ...items[0], imageUrl: 5 }
  const { origin } = await start({ catalog: answering(200, [invalidItem]), forum: answering(200, [[1]]) })
  const page = await request(origin).get('/')
  expect([page.status, page.text.includes('catalog fails, forum fails')]).toEqual([200, true])
})

test.each([
  ['an object that cannot become a text', '[{"name":{"toString":1},"email":7,"company":{"name":[]}}]', 200],
  ['JSON of 200,000 levels', '['.repeat(200_000) + ']'.repeat(200_000), 500],
  ['JSON of 9,000 levels', `[{"name":${'['.repeat(9000)}${']'.repeat(9000)}}]`, 500]
])('the page loads whatever the forum sends: %s', async (_what, body, status) => {
  const { origin } = await start({ catalog: answering(200, items), forum: answering(200, body) })
  const page = await request(origin).get('/')
  expect([page.status, page.text.includes('Item 1')]).toEqual([200, true])
  const api = await request(origin).get('/api/users')
  expect(api.status).toBe(status)
  if (status === 500) expect(api.text).toBe('error calling Forum service')
})

test('if one upstream fails, the page still shows the other', async () => {
  const { origin } = await start({ catalog: answering(503, ''), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect(page.text).toContain('The catalog service is currently not available.')
  expect(page.text).toContain('User 1')
})

test('the page names all its modules, so that the browser loads them at once', async () => {
  const { origin } = await start()
  const { text } = await request(origin).get('/')
  const named = text.matchAll(/<link rel="modulepreload" href="static\/([^"]+)">/g)
  const modules = globSync('**/*.js', { cwd: new URL('../public/static/', import.meta.url) })
  expect(Array.from(named, ([, file]) => file)).toEqual(modules.sort())
})

test('all values of the upstreams are escaped', async () => {
  const evil = '"><script>alert(1)</script>'
  const { origin } = await start({
    catalog: answering(200, [
      { id: 1, name: evil, color: evil, department: evil, price: evil, imageUrl: `https://x/${evil}` }
    ]),
    forum: answering(200, [{ name: evil, email: evil, company: { name: evil } }])
  })
  const { text } = await request(origin).get('/')
  expect(text).not.toContain('<script>')
  expect(text).not.toContain('"><script')
})

test('the page loads no script, style or font from another host, and its policy forbids them', async () => {
  const { origin } = await start({ catalog: answering(200, items), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//)
  expect(page.text).not.toMatch(/ style=| on\w+=|<style|<script>/)
  const policy = String(page.headers['content-security-policy'])
  expect(policy.split('; ')).toEqual(expect.arrayContaining([
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'"
  ]))
  expect(policy).not.toContain('unsafe')
})

test('colors have a contrast of 4.5 to the panel and to digits on them, edges have 3, in light and dark', () => {
  const style = readFileSync(new URL('../public/static/style.css', import.meta.url), 'utf8')
  const found = [...style.matchAll(/--([\w-]+): light-dark\((#\w+), (#\w+)\)/g)]
  const colors = Object.fromEntries(found.map(([, name, light, dark]) => [name, [light, dark]]))
  for (const rule of ['flow', 'cell.pending::before', 'bar.good']) {
    expect(style).toMatch(new RegExp(`[.]${rule} [{][^}]*var\\(--edge\\)`))
  }
  for (const scheme of [0, 1]) {
    const expectContrast = (name: string, background: string, minimum: number) =>
      expect(contrast(colors[name]?.[scheme] ?? '', colors[background]?.[scheme] ?? ''), `${name} on ${background}`)
        .toBeGreaterThanOrEqual(minimum)
    expectContrast('edge', 'panel', 3)
    for (const name of ['ink', 'muted', 'v1', 'v2', 'v-other', 'fault', 'error', 'timeout', 'dropped', 'up', 'down']) {
      expectContrast(name, 'panel', 4.5)
      expectContrast(name, 'on-color', 4.5)
    }
  }
})

/** The contrast of two colors as WCAG 2 defines it. */
function contrast (...colors: [string, string]): number {
  const [dark = NaN, light = NaN] = colors.map(color => {
    const hex = color.length === 4 ? color.replace(/\w/g, '$&$&') : color
    const [red = NaN, green = NaN, blue = NaN] = [1, 3, 5]
      .map(at => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }).sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

test('addresses of pictures are relative, so that the page works below a path prefix', async () => {
  const { origin } = await start({ catalog: answering(200, [{ ...items[0], imageUrl: '/images/elinor-glasses.svg' }]) })
  expect((await request(origin).get('/')).text).toContain('<img src="images/elinor-glasses.svg"')
})

const PICTURES = ['elinor-glasses', 'atlas-shirt', 'small-metal-shoes', 'red-dragon-watch']
test.each(PICTURES)('the book\'s item %s has its own picture', async name => {
  const { origin } = await start()
  const picture = await request(origin).get(`/images/${name}.svg`)
  const generic = await request(origin).get('/images/anything-else.svg')
  for (const answer of [picture, generic]) {
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/svg+xml'])
    expect(answer.headers['content-security-policy']).toBe("default-src 'none'")
    expect(String(answer.body)).not.toContain('style')
  }
  expect(picture.body).not.toEqual(generic.body)
})

test.each([
  '/images/..%2f..%2fpackage.json', '/static/..%2f..%2fpackage.json', '/static/nothing.css'
])('only public files are served: %s', async path => {
  const { origin } = await start()
  const answer = await request(origin).get(path)
  expect(answer.text ?? '').not.toContain('@outfitters')
})

const added = { 'x-served-by': 'catalog-7', 'x-served-version': 'v2' }

test('the form adds an item without JavaScript, and redirects to the page', async () => {
  const { origin, catalog } = await start({
    catalog: (request, response) => {
      if (request.method === 'POST') response.writeHead(201, added).end()
      else response.writeHead(200, added).end('[]')
    }
  })
  const answer = await request(origin).post('/').type('form').send('name=Kite&price=9.00&color=+&department=')
  expect([answer.status, answer.headers['location']]).toEqual([303, './?added=catalog-7#catalog'])
  expect(catalog.requests[0]).toMatchObject({ method: 'POST', url: '/items' })
  expect((await request(origin).get('/?added=catalog-7')).text).toContain('Added in pod catalog-7')
  expect((await request(origin).get('/?added=%3Cb%3E')).text).not.toContain('Added')
})

test('a form from another site is refused', async () => {
  const { origin, catalog } = await start()
  const form = request(origin).post('/').set('sec-fetch-site', 'cross-site').type('form')
  const answer = await form.send({ name: 'Kite', price: '9' })
  expect([answer.status, answer.body.code]).toEqual([403, 'CROSS_SITE'])
  expect(catalog.requests).toHaveLength(0)
})

test('without JavaScript, errors appear beside their fields, and the values stay', async () => {
  const { origin, catalog } = await start()
  const fields = { name: '', price: 'nine', color: 'sky"blue' }
  const { status, text } = await request(origin).post('/').type('form').send(fields)
  expect(status).toBe(400)
  expect(text).toMatch(/id="item-name-error">Enter a name/)
  expect(text).toMatch(/id="item-price-error">Enter a price as a number/)
  expect(text).toMatch(/id="item-color-error"><\/p>/)
  expect(text).toContain('value="sky&#34;blue"')
  expect(catalog.requests.filter(({ method }) => method === 'POST')).toHaveLength(0)
  const unknownField = await request(origin).post('/').type('form').send({ name: 'Kite', price: '1', size: 'XL' })
  expect(unknownField.text).toContain('body must not have &#34;size&#34;')
})

test('if the catalog does not accept the item, the page says so', async () => {
  const { origin } = await start({ catalog: answering(500, '') })
  const { status, text } = await request(origin).post('/').type('form').send({ name: 'Kite', price: '9' })
  expect(status).toBe(502)
  expect(text).toContain('The catalog did not accept the item.')
  expect(text).toContain('value="Kite"')
})

test('the page does not wait for a catalog that does not answer', async () => {
  const env = { UPSTREAM_TIMEOUT_MS: '60000' }
  const { origin } = await start({ catalog: () => {}, forum: answering(200, users), env })
  const { status, text } = await request(origin).get('/')
  expect([status, text.includes('catalog fails, forum answers')]).toEqual([200, true])
})

import { globSync, readFileSync } from 'node:fs'
import request from 'supertest'
import { expect, test } from 'vitest'
import { answering, start } from './start.ts'

const items = Array.from({ length: 6 }, (_, i) => ({ id: i + 1, color: 'red', department: 'd', name: `Item ${i + 1}`, price: `${i}.00` }))
const users = Array.from({ length: 6 }, (_, i) => ({ name: `User ${i + 1}`, email: `u${i + 1}@x.example`, company: { name: `Company ${i + 1}` } }))

test('the page shows at most four items and four users, and a graph in which all is well', async () => {
  const { origin } = await start({ catalog: answering(200, items), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  for (const shown of ['Item 4', '3.00', 'User 4', 'u4@x.example', 'Company 4', 'catalog answers, forum answers']) expect(page.text).toContain(shown)
  for (const hidden of ['Item 5', 'User 5', 'not available', 'imageUrl', '<img']) expect(page.text).not.toContain(hidden)
})

test('when both upstreams fail the page stands, says so, and shows them red', async () => {
  const { origin } = await start({ catalog: 1, forum: answering(500, '') })
  const page = await request(origin).get('/')
  expect(page.status).toBe(200)
  expect(page.text).toContain('The catalog service is currently not available.')
  expect(page.text).toContain('The forum service is currently not available.')
  expect(page.text).toContain('catalog fails, forum fails')
  expect(page.text.match(/class="node down"/g)).toHaveLength(2)
})

test('an upstream that says nonsense is one that fails', async () => {
  const { origin } = await start({ catalog: answering(200, [{ ...items[0], imageUrl: 5 }]), forum: answering(200, [[1]]) })
  const page = await request(origin).get('/')
  expect([page.status, page.text.includes('catalog fails, forum fails')]).toEqual([200, true])
})

test('one upstream that fails does not take the other with it', async () => {
  const { origin } = await start({ catalog: answering(503, ''), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect(page.text).toContain('The catalog service is currently not available.')
  expect(page.text).toContain('User 1')
})

test('what people posted is escaped, wherever it stands', async () => {
  const evil = '"><script>alert(1)</script>'
  const { origin } = await start({
    catalog: answering(200, [{ id: 1, name: evil, color: evil, department: evil, price: evil, imageUrl: `https://x/${evil}` }]),
    forum: answering(200, [{ name: evil, email: evil, company: { name: evil } }])
  })
  const { text } = await request(origin).get('/')
  expect(text).not.toContain('<script>')
  expect(text).not.toContain('"><script')
})

test('nothing comes from elsewhere: no script, style or font of another host, and a policy that forbids them', async () => {
  const { origin } = await start({ catalog: answering(200, items), forum: answering(200, users) })
  const page = await request(origin).get('/')
  expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//)
  expect(page.text).not.toMatch(/ style=| on\w+=|<style|<script>/)
  const policy = String(page.headers['content-security-policy'])
  for (const directive of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'"]) expect(policy.split('; ')).toContain(directive)
  expect(policy).not.toContain('unsafe')
})

test('a page with its style and script is less than 100 kB over the wire', async () => {
  const { origin } = await start()
  const files = globSync('**/*.{js,css}', { cwd: new URL('../public/static', import.meta.url).pathname })
  expect(files.length).toBeGreaterThan(10)
  const sizes = await Promise.all(files.map(async name => {
    const file = await request(origin).get(`/static/${name}`).set('accept-encoding', 'identity').buffer(true)
    expect([file.status, name]).toEqual([200, name])
    return Number(file.headers['content-length'])
  }))
  const bytes = sizes.reduce((sum, size) => sum + size)
  console.log(`script and style: ${bytes} bytes`)
  expect(bytes).toBeLessThan(100_000)
})

test('colours stand out: 4.5 to 1 against the panel, in light and dark, and so does a digit on them; edges by 3 to 1', () => {
  const style = readFileSync(new URL('../public/static/style.css', import.meta.url), 'utf8')
  const colours = Object.fromEntries([...style.matchAll(/--([\w-]+): light-dark\((#\w+), (#\w+)\)/g)].map(([, name, light, dark]) => [name, [light, dark]])) as Record<string, [string, string]>
  for (const scheme of [0, 1] as const) expect(contrast(colours['edge']?.[scheme] ?? '', colours['panel']?.[scheme] ?? ''), `edge, ${scheme}`).toBeGreaterThanOrEqual(3)
  for (const rule of ['flow', 'cell.pending::before', 'bar.good']) expect(style).toMatch(new RegExp(`[.]${rule} [{].*var\\(--edge\\)`))
  for (const name of ['ink', 'muted', 'v1', 'v2', 'v-other', 'fault', 'error', 'timeout', 'dropped', 'up', 'down']) {
    for (const scheme of [0, 1] as const) {
      for (const beside of ['panel', 'on-colour']) expect(contrast(colours[name]?.[scheme] ?? '', colours[beside]?.[scheme] ?? ''), `${name}, ${beside}, ${scheme}`).toBeGreaterThanOrEqual(4.5)
    }
  }
})

/** As WCAG 2 has it. */
function contrast (...colours: [string, string]): number {
  const [dark = NaN, light = NaN] = colours.map(colour => {
    const hex = colour.length === 4 ? colour.replace(/\w/g, '$&$&') : colour
    const [red = NaN, green = NaN, blue = NaN] = [1, 3, 5].map(at => Number.parseInt(hex.slice(at, at + 2), 16) / 255).map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }).sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

test('pictures are addressed relative to the page, so that it works below a path prefix', async () => {
  const { origin } = await start({ catalog: answering(200, [{ ...items[0], imageUrl: '/images/elinor-glasses.svg' }]) })
  expect((await request(origin).get('/')).text).toContain('<img src="images/elinor-glasses.svg"')
})

test.each(['elinor-glasses', 'atlas-shirt', 'small-metal-shoes', 'red-dragon-watch'])('the book\'s item %s has a picture of its own', async name => {
  const { origin } = await start()
  const picture = await request(origin).get(`/images/${name}.svg`)
  const generic = await request(origin).get('/images/anything-else.svg')
  for (const answer of [picture, generic]) {
    expect([answer.status, answer.headers['content-type'], answer.headers['content-security-policy']]).toEqual([200, 'image/svg+xml', "default-src 'none'"])
    expect(String(answer.body)).not.toContain('style')
  }
  expect(picture.body).not.toEqual(generic.body)
})

test.each(['/images/..%2f..%2fpackage.json', '/static/..%2f..%2fpackage.json', '/static/nothing.css'])('no file but the public ones is served: %s', async path => {
  const { origin } = await start()
  const answer = await request(origin).get(path)
  expect(answer.text ?? '').not.toContain('@outfitters')
})

const added = { 'x-served-by': 'catalog-7', 'x-served-version': 'v2' }

test('the form adds an item without JavaScript, and leads back to the page', async () => {
  const { origin, catalog } = await start({ catalog: (request, response) => { response.writeHead(request.method === 'POST' ? 201 : 200, added).end(request.method === 'POST' ? '' : '[]') } })
  const answer = await request(origin).post('/').type('form').send('name=Kite&price=9.00&color=+&department=')
  expect([answer.status, answer.headers['location']]).toEqual([303, './?added=catalog-7#catalog'])
  expect(catalog.requests[0]).toMatchObject({ method: 'POST', url: '/items' })
  expect((await request(origin).get('/?added=catalog-7')).text).toContain('Added, in pod catalog-7')
  expect((await request(origin).get('/?added=%3Cb%3E')).text).not.toContain('Added')
})

test("another site's page sends no form", async () => {
  const { origin, catalog } = await start()
  const answer = await request(origin).post('/').set('sec-fetch-site', 'cross-site').type('form').send({ name: 'Kite', price: '9' })
  expect([answer.status, answer.body.code]).toEqual([403, 'CROSS_SITE'])
  expect(catalog.requests).toHaveLength(0)
})

test('without JavaScript too, errors stand beside their fields, and what was typed is kept', async () => {
  const { origin, catalog } = await start()
  const { status, text } = await request(origin).post('/').type('form').send({ name: '', price: 'nine', color: 'sky"blue' })
  expect(status).toBe(400)
  expect(text).toMatch(/id="item-name-error">Give it a name/)
  expect(text).toMatch(/id="item-price-error">Give a price in figures/)
  expect(text).toMatch(/id="item-color-error"><\/p>/)
  expect(text).toContain('value="sky&#34;blue"')
  expect(catalog.requests.filter(({ method }) => method === 'POST')).toHaveLength(0)
  expect((await request(origin).post('/').type('form').send({ name: 'Kite', price: '1', size: 'XL' })).text).toContain('body must not have &#34;size&#34;')
})

test('a catalog that does not take the item is said so, on a page that stands', async () => {
  const { origin } = await start({ catalog: answering(500, '') })
  const { status, text } = await request(origin).post('/').type('form').send({ name: 'Kite', price: '9' })
  expect([status, text.includes('The catalog did not take it.'), text.includes('value="Kite"')]).toEqual([502, true, true])
})

test('a catalog that is silent keeps nobody waiting for the page', async () => {
  const { origin } = await start({ catalog: () => {}, forum: answering(200, users), env: { UPSTREAM_TIMEOUT_MS: '60000' } })
  const { status, text } = await request(origin).get('/')
  expect([status, text.includes('catalog fails, forum answers')]).toEqual([200, true])
})

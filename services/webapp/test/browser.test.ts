// The page in a real Chromium, before a real store.
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { chromiumForTests, launch } from './browser.ts'
import { startStore, type Store, type StoreOptions } from './store.ts'

const chromium = chromiumForTests()
const WAIT = { timeout: 30_000 } // on a busy machine a browser takes its time

describe.skipIf(chromium === undefined)('the page in a browser', { timeout: 120_000 }, () => {
  let browser: Browser
  let store: Store
  beforeAll(async () => { browser = await launch(String(chromium)) }, 60_000)
  afterAll(() => browser?.close())

  const closers: (() => Promise<unknown>)[] = []
  afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

  /** The page of a store of its own. All that it says on the console, and asks of any host, is kept. */
  async function open ({ search = '', ...options }: StoreOptions & { search?: string } = {}, context: BrowserContextOptions = {}) {
    store = await startStore(options)
    closers.push(store.close)
    return visit(`${store.url}${search}`, context)
  }

  async function visit (url: string, context: BrowserContextOptions = {}) {
    const visitor = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context })
    visitor.setDefaultTimeout(WAIT.timeout)
    closers.push(() => visitor.close())
    const page = await visitor.newPage()
    const errors: string[] = []
    const requests: string[] = []
    page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text()) })
    page.on('pageerror', error => errors.push(String(error)))
    page.on('request', request => requests.push(request.url()))
    await page.goto(url)
    return { page, errors, requests }
  }

  const cells = (page: Page, kind: string) => page.locator(`#grid .cell.${kind}`).count()
  const atLeast = (page: Page, kind: string, n: number) => expect.poll(() => cells(page, kind), WAIT).toBeGreaterThanOrEqual(n)
  const detailOf = async (page: Page, kind: string) => {
    await page.locator(`#grid .cell.${kind}`).last().hover()
    return page.locator('#detail').innerText()
  }

  test('the grid fills with both versions, and charts and graph tell of them; nothing is said on the console, and nobody else is asked', async () => {
    const { page, errors, requests } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v1', 15)
    await atLeast(page, 'ok.v2', 15)
    expect(await detailOf(page, 'v2')).toMatch(/request \d+\s+ok\s+v2\s+200\s+\d+ ms\s+pod catalog-v2/)
    await expect.poll(() => page.locator('#split-figures').innerText(), WAIT).toMatch(/(4\d|5\d) %\s*v1\s+(4\d|5\d) %\s*v2/)
    await expect.poll(() => page.locator('#success-figures').innerText(), WAIT).toMatch(/100 %\s*ok/)
    expect(await page.locator('#latency-figures').innerText()).toMatch(/\d+ ms\s*p50\s+\d+ ms\s*p95/)
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/webapp calls catalog v1 .*webapp calls catalog v2 .*webapp calls forum/)
    expect(await page.locator('#split .bar').count()).toBeGreaterThan(1)
    expect(new Set(requests.map(url => new URL(url).origin))).toEqual(new Set([new URL(store.url).origin]))
    expect(errors).toEqual([])
  })

  test('a fault of 50 % is set from the page, seen and marked everywhere, and deleted', async () => {
    const { page, errors } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v1', 1)
    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    await page.click('#fault-set')
    await page.getByText('Set 500, 50 % in catalog-v1.').waitFor()
    await page.evaluate("new MutationObserver(() => { window.saidDown ||= document.querySelector('.shelf .unavailable') !== null }).observe(document.querySelector('.shelf'), { childList: true })")
    const { route } = store.mesh
    store.mesh.route = request => request.url === '/blowup' ? route(request) : 'v1'
    await atLeast(page, 'fault.v1', 70) // five in a row among them, most likely: that is not yet a catalog that is down
    expect(await page.evaluate('window.saidDown')).not.toBe(true)
    store.mesh.route = route
    expect(await cells(page, 'fault.v2')).toBe(0)
    await atLeast(page, 'ok.v2', 1)
    expect(await detailOf(page, 'fault')).toMatch(/injected fault\s+v1\s+500\s+\d+ ms\s+pod catalog-v1\s+injected: 500/)
    await expect.poll(() => page.locator('#rules').innerText(), WAIT).toMatch(/500, 50 %\s+catalog-v1\s+hit [1-9]\d* of \d+/)
    await expect.poll(() => page.locator('#success-figures').innerText(), WAIT).toMatch(/\d+ %\s*injected/)
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/catalog v1 [\d.]+ times a second, and \d+ % fail; webapp calls catalog v2 [\d.]+ times a second;/)
    expect(await page.locator('#seen .failing').count()).toBe(1)

    await page.getByRole('button', { name: 'Delete 500 in catalog-v1' }).click()
    await page.getByText('No pod that was seen has a rule.').waitFor()
    // Chromium itself says that an answer was a 500, and nothing else is said.
    expect(errors.filter(error => !/status of 500/.test(error))).toEqual([])
  })

  test('a pod that answers nothing any more stays in sight with its rule; a choice that is gone is not swapped for another', async () => {
    const { page } = await open()
    await page.clock.install()
    await page.goto(`${store.url}?rate=20`)
    await atLeast(page, 'ok.v1', 1)
    await atLeast(page, 'ok.v2', 1)
    await page.locator('#fault-pod option[value="catalog/catalog-v1"]').waitFor({ state: 'attached' })
    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    await page.selectOption('#fault-type', 'drop')
    await page.fill('#fault-percentage', '100')
    await page.click('#fault-set')
    await page.getByText('Set drop (fin), 100 % in catalog-v1.').waitFor()
    const remove = page.getByRole('button', { name: 'Delete drop in catalog-v1' })
    await remove.waitFor()
    await page.clock.fastForward(61_000)
    await expect.poll(() => cells(page, 'dropped'), WAIT).toBeGreaterThan(5)
    expect(await page.locator('#fault-pod').inputValue()).toBe('catalog/catalog-v1')
    await remove.click()
    await page.getByText('No pod that was seen has a rule.').waitFor()

    await page.selectOption('#fault-pod', 'catalog/catalog-v2')
    store.mesh.route = () => 'v1'
    await page.getByText(/did not meet pod catalog-v2/).waitFor()
    await page.clock.fastForward(61_000)
    await page.getByText('None was seen in the last minute.').waitFor()
    expect(await page.locator('#fault-pod').inputValue()).toBe('catalog/catalog-v2')
    await page.click('#fault-set')
    expect(await page.locator('#fault-pod-error').innerText()).toBe('None was seen in the last minute.')
  })

  test('pods are asked for their rules one after the other, and one that is gone is not asked again and again', async () => {
    const { page } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v2', 1)
    store.mesh.route = () => 'v1'
    const asked: string[] = []
    let [underWay, most] = [0, 0]
    await page.route('**/api/chaos/**', async route => {
      most = Math.max(most, ++underWay)
      asked.push(String(new URL(route.request().url()).pathname.split('/').at(-1)))
      await setTimeout(500) // longer than it takes to ask the next
      underWay--
      if (route.request().url().endsWith('/catalog-v2')) await route.fulfill({ status: 404, json: { code: 'POD_NOT_MET', message: 'forty calls did not meet it' } })
      else await route.continue()
    })
    await page.getByText('catalog-v2: forty calls did not meet it').waitFor()
    asked.length = 0
    await expect.poll(() => asked.filter(pod => pod === 'catalog-v1').length, WAIT).toBeGreaterThan(2)
    expect(most).toBe(1)
    expect(asked.filter(pod => pod === 'catalog-v2').length).toBeLessThanOrEqual(1) // once more where an answer came meanwhile
  })

  test('a catalog that hangs is seen as one that does not answer, and the webapp is not blamed; the forum is asked all the same', async () => {
    const { page } = await open({ search: '?rate=20' })
    for (const version of ['v1', 'v2'] as const) await store.set(version, { type: 'drop', mode: 'hang', percentage: 100 })
    await atLeast(page, 'timeout', 5)
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/this page calls webapp [\d.]+ times a second; .*webapp calls a catalog that does not answer [\d.]+ times a second, and 100 % fail; webapp calls forum 0\.[1-9]/)
  })

  test('a catalog that answers and names no version is not one that does not answer', async () => {
    const { page } = await open()
    await page.route('**/api/catalog', route => route.fulfill({ json: [] }))
    await page.goto(`${store.url}?rate=20`)
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/webapp calls catalog [1-9][\d.]* times a second/)
    expect(await page.locator('#seen .node.down').count()).toBe(0)
  })

  test('to all pods that were seen, with what is wrong beside its field', async () => {
    const { page } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v2', 1)
    await expect.poll(() => page.locator('#fault-pod option').allInnerTexts(), WAIT).toEqual(['all catalog pods', 'all forum pods', 'catalog-v1 (v1)', 'catalog-v2 (v2)', 'forum-1 (v1)'])
    await page.selectOption('#fault-type', 'latency')
    await page.fill('#fault-percentage', '200')
    await page.click('#fault-set')
    expect(await page.locator('#fault-percentage-error').innerText()).toBe('A number from 0 to 100.')
    await page.fill('#fault-percentage', '100')
    await page.fill('#fault-latencyMs', '60')
    await page.click('#fault-set')
    await atLeast(page, 'slowed.v1', 2)
    await atLeast(page, 'slowed.v2', 2)
    await expect.poll(() => page.locator('#rules li').allInnerTexts(), WAIT).toEqual([expect.stringMatching(/latency 60 ms, 100 %\s+catalog-v1/), expect.stringMatching(/latency 60 ms, 100 %\s+catalog-v2/)])
    await page.click('#fault-clear')
    await page.getByText('No pod that was seen has a rule.').waitFor()
  })

  test('where faults may not be set, the page shows the lines that set them', async () => {
    const { page } = await open({ access: 'local' })
    await expect.poll(() => page.locator('#kubectl-line').innerText(), WAIT).toMatch(/kubectl exec catalog-v1 -c catalog -- curl .*\{"type":"500","percentage":50\}/)
    expect(await page.locator('#script-line').innerText()).toBe('scripts/chaos.sh 500 50')
    expect(await page.locator('#show-line').innerText()).toMatch(/^kubectl exec catalog-v1 -c catalog -- curl -s localhost:3000\/blowup/)
    expect(await page.locator('#delete-line').innerText()).toMatch(/^kubectl exec catalog-v1 -c catalog -- curl -s -X DELETE /)
    expect(await page.locator('#fault-set').isVisible()).toBe(false)
    await page.selectOption('#fault-type', 'drop')
    await page.selectOption('#fault-mode', 'rst')
    expect(await page.locator('#script-line').innerText()).toBe('scripts/chaos.sh drop 50 --mode rst')
  })

  test('also where the webapp may set them and the pods refuse', async () => {
    const { page } = await open({ access: 'any', behind: 'off' })
    await page.locator('#kubectl-line').waitFor()
    expect(await page.locator('#terminal-reason').innerText()).toMatch(/catalog-v\d lets nobody outside set faults: faults are switched off here/)
    expect(await page.locator('#fault-set').isVisible()).toBe(false)
  })

  test('a header switches the version, is checked beside its fields, and survives a reload with the rest', async () => {
    const { page } = await open({ search: '?rate=20' })
    store.mesh.route = ({ headers }) => headers['x-dark-launch'] === 'v2' ? 'v2' : 'v1'
    await atLeast(page, 'ok.v1', 5)
    await page.fill('#header-name', 'x dark')
    await page.click('#header-set')
    expect(await page.locator('#header-name-error').innerText()).toContain('no spaces')
    expect(await page.locator('#header-value-error').innerText()).toBe('Give a value.')
    await page.fill('#header-name', 'x-dark-launch')
    await page.fill('#header-value', 'v2')
    await page.keyboard.press('Enter')
    await page.getByText('Sent with x-dark-launch: v2.').waitFor()
    await atLeast(page, 'ok.v2', 10)
    await page.locator('#grid .cell.v2').nth(8).hover()
    expect(await page.locator('#detail').innerText()).toContain('sent with x-dark-launch: v2')

    await page.reload()
    await expect.poll(() => page.locator('#header-value').inputValue(), WAIT).toBe('v2')
    expect(await page.locator('#rate').inputValue()).toBe('20')
    await atLeast(page, 'ok.v2', 5)
    expect(await cells(page, 'ok.v1')).toBe(0)
    await page.click('#header-clear')
    await atLeast(page, 'ok.v1', 3)
    expect(page.url()).not.toContain('header')
  })

  test('a try that was not the first shows its number', async () => {
    const { page } = await open({ search: '?rate=20' })
    store.mesh.retries = 3
    await store.set('v1', { type: '500', percentage: 100 })
    await expect.poll(() => page.locator('#grid .cell.v2[data-attempt="2"]').count(), WAIT).toBeGreaterThan(3)
    expect(await detailOf(page, 'v2[data-attempt="2"]')).toContain('second try')
    await expect.poll(() => page.locator('#success-figures').innerText(), WAIT).toMatch(/\d+ %\s*retried/)
  })

  test('it sends while it is seen: not when paused, not when hidden, and at the rate that is set', async () => {
    const { page } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok', 5)
    await page.click('#pause')
    expect(await page.locator('#sending').innerText()).toBe('Paused.')
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    const paused = await cells(page, 'ok')
    await page.waitForTimeout(500)
    expect(await cells(page, 'ok')).toBe(paused)
    await page.click('#pause')
    await atLeast(page, 'ok', paused + 5)

    const see = (state: string) => page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' }); document.dispatchEvent(new Event('visibilitychange'))`)
    await see('hidden')
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    const hidden = await cells(page, 'ok')
    await page.waitForTimeout(500)
    expect(await cells(page, 'ok')).toBe(hidden)
    await see('visible')
    await atLeast(page, 'ok', hidden + 5)

    await page.locator('#rate').fill('1')
    expect(await page.locator('#rate-shown').innerText()).toBe('1 a second')
    expect(page.url()).toContain('rate=1')
  })

  test('the legend is a filter, and the grid is read by the keyboard', async () => {
    const { page } = await open({ search: '?rate=5' }) // so that request 1 still stands in the first cell
    await atLeast(page, 'ok.v1', 3)
    await atLeast(page, 'ok.v2', 3)
    const v1 = page.locator('#legend [data-key=v1]')
    await v1.focus()
    await page.keyboard.press('Space')
    expect(await v1.getAttribute('aria-pressed')).toBe('false')
    const opacity = (version: string) => page.evaluate(`getComputedStyle(document.querySelector('#grid .ok.${version}')).opacity`)
    expect([await opacity('v1'), await opacity('v2')]).toEqual(['0.1', '1'])
    expect(page.url()).toContain('hide=v1')

    await page.click('#pause')
    await page.locator('#grid [tabindex="0"]').focus()
    await page.keyboard.press('Home')
    expect(await page.locator('#detail').innerText()).toMatch(/^request 1\s/)
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('#detail').innerText()).toMatch(/^request 2\s/)
    await page.locator('#grid .cell:disabled').last().hover()
    expect(await page.locator('#detail').innerText()).toMatch(/^request 2\s/)
    expect(await page.locator('#grid [tabindex="0"]:enabled').count()).toBe(1)
  })

  test('in the store one shops: pictures of v2, plain in v1; and an item is added by a form with errors beside its fields', async () => {
    const { page, errors } = await open({ search: '?rate=20' })
    await page.locator('.card img').nth(3).waitFor()
    expect(await page.evaluate("document.querySelector('.card img').decode().then(() => true)")).toBe(true)
    await page.getByRole('button', { name: 'v1 catalog-v1' }).click()
    await expect.poll(() => page.locator('.card img').count(), WAIT).toBe(0)
    expect(await page.locator('.card h3').allInnerTexts()).toEqual(['Elinor Glasses', 'Atlas Shirt', 'Small Metal Shoes', 'Red Dragon Watch'])

    await page.fill('#item-price', 'nine')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    expect(await page.locator('#item-name-error').innerText()).toContain('Give it a name')
    expect(await page.locator('#item-price-error').innerText()).toContain('such as 84.00')
    expect(await page.evaluate('document.activeElement.id')).toBe('item-name')
    await page.fill('#item-name', '<b>Kite</b>')
    await page.fill('#item-price', '9.00')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText(/^Added, in pod catalog-v\d/).waitFor()
    await page.locator('.card h3', { hasText: '<b>Kite</b>' }).waitFor()
    expect(await page.locator('#item-name').inputValue()).toBe('')

    await page.click('#pause') // and also where nothing is sent otherwise
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    await page.fill('#item-name', 'Cape')
    await page.fill('#item-price', '19.00')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.locator('.card h3', { hasText: 'Cape' }).waitFor()
    expect(errors).toEqual([])
  })

  test('what the catalog had stays while it is down, for longer than a minute', async () => {
    const { page } = await open()
    await page.clock.install()
    await page.goto(`${store.url}?rate=20`)
    await atLeast(page, 'ok.v2', 1)
    store.mesh.route = () => undefined
    await page.getByText('This is what it had.').waitFor()
    await page.clock.fastForward(61_000)
    await expect.poll(() => page.locator('#fault-pod option').allInnerTexts(), WAIT).toEqual(['all forum pods', 'forum-1 (v1)', 'all catalog pods'])
    await page.waitForTimeout(1500) // it is drawn once more
    expect(await page.locator('.card').count()).toBeGreaterThan(0)
  })

  test('while the catalog is down the page says so, and the rest goes on', async () => {
    store = await startStore()
    closers.push(store.close)
    store.mesh.route = () => undefined
    const { page } = await visit(`${store.url}?rate=20`)
    await page.getByText('The catalog service is currently not available.').waitFor()
    await atLeast(page, 'dropped', 10)
    await page.locator('.users', { hasText: 'Ada Marsh' }).waitFor()
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/webapp calls a catalog that does not answer .* and 100 % fail; webapp calls forum/)
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('The catalog did not take it: 500. Try again.').waitFor()

    store.mesh.route = () => 'v2'
    await atLeast(page, 'ok.v2', 5)
    await page.locator('.card img').first().waitFor()
    expect(await page.getByText('currently not available').count()).toBe(0)
  })

  test('a module that did not arrive is asked for again', async () => {
    store = await startStore()
    closers.push(store.close)
    const { page } = await visit('about:blank')
    let asked = 0
    await page.route('**/seen.js', route => asked++ === 0 ? route.fulfill({ status: 503, body: 'no healthy upstream' }) : route.continue())
    await page.goto(store.url)
    await atLeast(page, 'ok', 3)
    expect(asked).toBe(2)
  })

  test('a form that was sent is not sent again when a module did not arrive', async () => {
    const { page, requests } = await open({ search: '?rate=1' })
    await page.route('**/boot.js', route => route.abort()) // so that the form goes the way without a script
    await page.reload()
    await page.unroute('**/boot.js')
    let asked = 0
    await page.route('**/seen.js', route => asked++ === 0 ? route.fulfill({ status: 503, body: 'no healthy upstream' }) : route.continue())
    await page.evaluate("document.querySelector('.item-form').submit()")
    await page.waitForRequest('**/seen.js')
    await atLeast(page, 'ok', 2)
    expect(asked).toBe(2)
    expect(await page.evaluate('performance.getEntriesByType("navigation")[0].type')).not.toBe('reload')
    expect(requests.filter(url => new URL(url).pathname === '/').length).toBe(4) // opened, opened anew, the form, and again without it
  })

  test('a mistake in a module is said, and loads nothing anew', async () => {
    const { page, errors } = await open()
    await page.route('**/seen.js', route => route.fulfill({ contentType: 'text/javascript', body: 'const = 1' }))
    let loads = 0
    page.on('framenavigated', () => loads++)
    await page.reload()
    await expect.poll(() => errors.filter(error => error.includes('SyntaxError')).length, WAIT).toBe(1)
    await page.waitForTimeout(3000)
    expect(loads).toBe(1)
  })

  test('below a path prefix all of it works', async () => {
    const { page, errors, requests } = await open({ prefix: '/team-a/store', search: '?rate=20' })
    await atLeast(page, 'ok.v2', 5)
    await page.locator('.card img').first().waitFor()
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText(/^Added, in pod/).waitFor()
    await page.getByText('No pod that was seen has a rule.').waitFor()
    expect(requests.filter(url => !new URL(url).pathname.startsWith('/team-a/store/'))).toEqual([])
    expect(errors).toEqual([])
  })

  test('without JavaScript it is the book\'s page, with a form that works', async () => {
    const { page, errors } = await open({ prefix: '/shop' }, { javaScriptEnabled: false })
    store.mesh.route = () => 'v2'
    await page.reload()
    expect(await page.locator('.graph.book').getAttribute('aria-label')).toContain('catalog answers, forum answers')
    expect(await page.locator('#grid').isVisible()).toBe(false)
    expect(await page.locator('.card img').count()).toBe(4)
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9.00')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Added, in pod catalog-v2').waitFor()
    expect(new URL(page.url()).pathname).toBe('/shop/')
    expect(errors).toEqual([])
  })

  test.each<['light' | 'dark', number]>([['light', 1280], ['dark', 1280], ['light', 360]])('axe finds nothing serious: %s, %i px', async (colorScheme, width) => {
    const { page } = await open({ search: '?rate=20' }, { colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce', bypassCSP: true }) // the policy is right to refuse axe
    let turn = 0
    store.mesh.route = () => turn++ % 3 === 2 ? 'v2' : 'v1' // so that a second try may fail as well
    store.mesh.retries = 1
    await store.set('v1', { type: '500', percentage: 60 })
    await store.set('v2', { type: 'latency', latencyMs: 5, percentage: 40 })
    for (const kind of ['ok.v1', 'ok.v2', 'fault', 'slowed', 'ok[data-attempt]']) await atLeast(page, kind, 1)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.click('#header-set')
    await page.locator('#rules button').first().waitFor()
    await page.click('#pause')
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core') })
    const { violations } = await page.evaluate('axe.run()') as axe.AxeResults
    expect(violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(' ')}`)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing sticks out at the side').toBe(true)
    expect(await page.evaluate('document.getAnimations().length'), 'who wants no motion has none').toBe(0)
  })
})

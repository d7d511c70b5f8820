// The page in a real Chromium, with a real store.
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import {
  atLeast, cells, describeInBrowser, expectAddress, expectDetail, expectGraph, expectText, setVisibility, startedStore,
  test, WAIT
} from './visit.ts'

const expectPods = (page: Page) => expect.poll(() => page.locator('#fault-pod option').allInnerTexts(), WAIT)
const addItem = (page: Page) => page.getByRole('button', { name: 'Add', exact: true }).click()

describeInBrowser('the page in a browser', () => {
  test('the page shows both versions, without console messages or requests to other hosts', async ({ open }) => {
    const { page, errors, requests, store } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v1', 15)
    await atLeast(page, 'ok.v2', 15)
    await expectDetail(page, 'ok.v2').toMatch(/request \d+\s+ok\s+v2\s+200\s+[\d.]+ m?s\s+pod catalog-v2/)
    await expectText(page, '#split-figures').toMatch(/(4\d|5\d) %\s*v1\s+(4\d|5\d) %\s*v2/)
    await expectText(page, '#success-figures').toMatch(/100 %\s*ok/)
    expect(await page.locator('#latency-figures').innerText())
      .toMatch(/m?s\s+v1 p50\s+[\d.]+ m?s\s+v2 p50\s+[\d.]+ m?s\s+p95/)
    await expectGraph(page).toMatch(/webapp calls catalog v1 .*webapp calls catalog v2 .*webapp calls forum/)
    expect(await page.locator('#split .bar').count()).toBeGreaterThan(1)
    expect(new Set(requests.map(url => new URL(url).origin))).toEqual(new Set([new URL(store.url).origin]))
    expect(errors).toEqual([])
  })

  test('a fault of 50 % is set on the page, marked in grid, charts and graph, and deleted', async ({ open }) => {
    const { page, errors, store } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v1', 1)
    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    await page.click('#fault-set')
    await page.getByText('Set 500, 50 % in catalog-v1.').waitFor()
    await page.evaluate(`
      const shelf = document.querySelector('.shelf')
      const watch = () => { window.wasDown ||= shelf.querySelector('.unavailable') !== null }
      new MutationObserver(watch).observe(shelf, { childList: true })
    `)
    const { route } = store.mesh
    store.mesh.route = request => request.url === '/blowup' ? route(request) : 'v1'
    // Most likely there are five failures in a row: the catalog must not count as down yet.
    await atLeast(page, 'fault.v1', 70)
    expect(await page.evaluate('window.wasDown')).not.toBe(true)
    store.mesh.route = route
    expect(await cells(page, 'fault.v2')).toBe(0)
    await atLeast(page, 'ok.v2', 1)
    await expectDetail(page, 'fault')
      .toMatch(/injected fault\s+v1\s+500\s+[\d.]+ m?s\s+pod catalog-v1\s+injected: 500/)
    await expectText(page, '#rules').toMatch(/500, 50 %\s+catalog-v1\s+hit [1-9]\d* of \d+/)
    await expectText(page, '#success-figures').toMatch(/\d+ %\s*injected/)
    await expectGraph(page)
      .toMatch(/catalog v1 [\d.]+ times a second, and \d+ % fail; webapp calls catalog v2 [\d.]+ times a second;/)
    expect(await page.locator('#seen .failing').count()).toBe(1)

    await page.getByRole('button', { name: 'Delete 500 in catalog-v1' }).click()
    await page.getByText('No pod has a rule.').waitFor()
    // Chromium itself reports an answer with a 500. There must be no other message.
    expect(errors.filter(error => !/status of 500/.test(error))).toEqual([])
  })

  test('a pod with a rule stays listed while it does not answer, and a gone one stays selected', async ({ open }) => {
    const { page, store } = await open()
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
    await page.getByText('No pod has a rule.').waitFor()

    await page.selectOption('#fault-pod', 'catalog/catalog-v2')
    store.mesh.route = () => 'v1'
    await page.getByText(/did not reach pod catalog-v2/).waitFor()
    await page.clock.fastForward(61_000)
    await page.getByText('No such pod was seen in the last minute.').waitFor()
    expect(await page.locator('#fault-pod').inputValue()).toBe('catalog/catalog-v2')
    await page.click('#fault-set')
    expect(await page.locator('#fault-pod-error').innerText()).toBe('No such pod was seen in the last minute.')
  })

  test('pods are asked for their rules one after the other, and a pod that is gone is asked once', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v2', 1)
    store.mesh.route = () => 'v1'
    const asked: string[] = []
    let [inFlight, most] = [0, 0]
    await page.route('**/api/chaos/**', async route => {
      most = Math.max(most, ++inFlight)
      const pod = String(new URL(route.request().url()).pathname.split('/').at(-1))
      asked.push(pod)
      await setTimeout(500) // longer than the page needs to ask the next pod
      inFlight--
      const json = { code: 'POD_NOT_MET', message: 'forty calls did not reach it' }
      if (pod === 'catalog-v2') await route.fulfill({ status: 404, json })
      else await route.continue()
    })
    await page.getByText('catalog-v2: forty calls did not reach it').waitFor()
    asked.length = 0
    await expect.poll(() => asked.filter(pod => pod === 'catalog-v1').length, WAIT).toBeGreaterThan(2)
    expect(most).toBe(1)
    // Once more is allowed: an answer of the pod may have arrived meanwhile.
    expect(asked.filter(pod => pod === 'catalog-v2').length).toBeLessThanOrEqual(1)
  })

  test('a catalog that hangs is shown as not answering, and the forum is still called', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    const hang = { type: 'drop', mode: 'hang', percentage: 100 }
    await store.set('v1', hang)
    await store.set('v2', hang)
    await atLeast(page, 'dropped', 5)
    await expectGraph(page).toMatch(new RegExp([
      /this page calls webapp [\d.]+ times a second; .*/,
      /webapp calls a catalog that does not answer [\d.]+ times a second, and 100 % fail; /,
      /webapp calls forum 0\.[1-9]/
    ].map(({ source }) => source).join('')))
  })

  test('a catalog that answers without naming a version is not shown as failing', async ({ open }) => {
    const { page, store } = await open()
    await page.route('**/api/catalog', route => route.fulfill({ json: [] }))
    await page.goto(`${store.url}?rate=20`)
    await expectGraph(page).toMatch(/webapp calls catalog [1-9][\d.]* times a second/)
    expect(await page.locator('#seen .node.down').count()).toBe(0)
  })

  test('a fault is set in all pods of a service, after the error beside a field is fixed', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok.v2', 1)
    await expectPods(page)
      .toEqual(['all catalog pods', 'all forum pods', 'catalog-v1 (v1)', 'catalog-v2 (v2)', 'forum-1 (v1)'])
    await page.selectOption('#fault-type', 'latency')
    await page.fill('#fault-percentage', '200')
    await page.click('#fault-set')
    expect(await page.locator('#fault-percentage-error').innerText()).toBe('Enter a number from 0 to 100.')
    await page.fill('#fault-percentage', '100')
    await page.fill('#fault-latencyMs', '60')
    await page.click('#fault-set')
    await atLeast(page, 'slowed.v1', 2)
    await atLeast(page, 'slowed.v2', 2)
    await expect.poll(() => page.locator('#rules li').allInnerTexts(), WAIT).toEqual([
      expect.stringMatching(/latency 60 ms, 100 %\s+catalog-v1/),
      expect.stringMatching(/latency 60 ms, 100 %\s+catalog-v2/)
    ])
    await page.click('#fault-clear')
    await page.getByText('No pod has a rule.').waitFor()
  })

  test('if the webapp does not set faults, the page shows commands for a terminal', async ({ open }) => {
    const { page } = await open({ access: 'local' })
    await page.getByText('With kubectl only').click()
    await expectText(page, '#kubectl-line')
      .toMatch(/kubectl exec -n NAMESPACE catalog-v1 -c catalog -- curl .*\{"type":"500","percentage":50\}/)
    expect(await page.locator('#script-line').innerText()).toBe('scripts/chaos.sh 500 50 -n NAMESPACE')
    const curl = 'kubectl exec -n NAMESPACE catalog-v1 -c catalog -- curl -s'
    expect(await page.locator('#show-line').innerText()).toContain(`${curl} localhost:3000/blowup`)
    expect(await page.locator('#delete-line').innerText()).toContain(`${curl} -X DELETE `)
    expect(await page.locator('#fault-set').isVisible()).toBe(false)
    await page.selectOption('#fault-type', 'drop')
    await page.selectOption('#fault-mode', 'rst')
    expect(await page.locator('#script-line').innerText()).toBe('scripts/chaos.sh drop 50 --mode rst -n NAMESPACE')
  })

  test('the page shows the commands too if the webapp sets faults but the pods refuse', async ({ open }) => {
    const { page } = await open({ access: 'any', upstreamAccess: 'off' })
    await page.locator('#script-line').waitFor()
    expect(await page.locator('#terminal-reason').innerText())
      .toMatch(/^Pod (catalog-v\d|forum-1) refuses: .*CHAOS_ACCESS/)
    expect(await page.locator('#fault-set').isVisible()).toBe(false)
  })

  test('a header changes the version, shows errors beside its fields, and survives a reload', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    store.mesh.route = ({ headers }) => headers['x-dark-launch'] === 'v2' ? 'v2' : 'v1'
    await atLeast(page, 'ok.v1', 5)
    await page.fill('#header-name', 'x dark')
    await page.click('#header-set')
    expect(await page.locator('#header-name-error').innerText()).toContain('no spaces')
    expect(await page.locator('#header-value-error').innerText()).toBe('Enter a value.')
    await page.fill('#header-name', 'x-dark-launch')
    await page.fill('#header-value', 'v2')
    await page.keyboard.press('Enter')
    await page.getByText('Sent with x-dark-launch: v2.').waitFor()
    await atLeast(page, 'ok.v2', 10)
    await expectDetail(page, 'ok.v2').toContain('sent with x-dark-launch: v2')

    await page.reload()
    await expect.poll(() => page.locator('#header-value').inputValue(), WAIT).toBe('v2')
    expect(await page.locator('#rate').inputValue()).toBe('20')
    await atLeast(page, 'ok.v2', 5)
    expect(await cells(page, 'ok.v1')).toBe(0)
    await page.click('#header-clear')
    await atLeast(page, 'ok.v1', 3)
    await expectAddress(page).not.toContain('header')
  })

  test('a cell shows the number of its attempt, except the first', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    store.mesh.retries = 3
    await store.set('v1', { type: '500', percentage: 100 })
    await expect.poll(() => page.locator('#grid .cell.v2[data-attempt="2"]').count(), WAIT).toBeGreaterThan(3)
    await expectDetail(page, 'v2[data-attempt="2"]').toContain('second try')
    await expectText(page, '#total').toMatch(/about [\d.]+ tries\/s/)
  })

  test('the page sends requests at the set rate, but not while it is paused or hidden', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    // Counted in the page itself: on a busy machine, Playwright hears of requests late.
    await page.addInitScript(`
      const { fetch } = window
      window.sent = 0
      window.fetch = (...request) => {
        if (request[0] === 'api/catalog') window.sent++
        return fetch(...request)
      }
    `)
    await page.goto(`${store.url}?rate=20`)
    const sent = () => page.evaluate('window.sent') as Promise<number>
    const expectNoRequests = async () => {
      const before = await sent()
      await page.waitForTimeout(500)
      expect(await sent()).toBe(before)
    }
    await expect.poll(sent, WAIT).toBeGreaterThan(5)
    await page.click('#pause')
    expect(await page.locator('#sending').innerText()).toBe('Paused.')
    await expectNoRequests()
    const paused = await sent()
    await page.click('#pause')
    await expect.poll(sent, WAIT).toBeGreaterThan(paused + 5)

    await setVisibility(page, 'hidden')
    await expectNoRequests()
    const hidden = await sent()
    await setVisibility(page, 'visible')
    await expect.poll(sent, WAIT).toBeGreaterThan(hidden + 5)

    await page.locator('#rate').fill('1')
    expect(await page.locator('#rate-shown').innerText()).toBe('1 a second')
    await expectAddress(page).toContain('rate=1')
  })

  test('the legend is a filter, and arrow keys move in the grid', async ({ open }) => {
    const { page } = await open({ search: '?rate=5' }) // slow, so that the first cell still shows request 1
    await atLeast(page, 'ok.v1', 3)
    await atLeast(page, 'ok.v2', 3)
    await page.click('#pause')
    const v1 = page.locator('#legend [data-key=v1]')
    await v1.focus()
    await page.keyboard.press('Space')
    expect(await v1.getAttribute('aria-pressed')).toBe('false')
    const opacity = (version: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('#grid .ok.${version}')).opacity`)
    expect([await opacity('v1'), await opacity('v2')]).toEqual(['0.1', '1'])
    await expectAddress(page).toContain('hide=v1')

    await page.locator('#grid [tabindex="0"]').focus()
    await page.keyboard.press('Home')
    expect(await page.locator('#detail').innerText()).toMatch(/^request 1\s/)
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('#detail').innerText()).toMatch(/^request 2\s/)
    await page.locator('#grid .cell:disabled').last().hover()
    expect(await page.locator('#detail').innerText()).toMatch(/^request 2\s/)
    expect(await page.locator('#grid [tabindex="0"]:enabled').count()).toBe(1)
  })

  test('the store shows pictures only for v2, and its form adds an item or says what is wrong', async ({ open }) => {
    const { page, errors } = await open({ search: '?rate=20' })
    await page.locator('.card img').nth(3).waitFor()
    expect(await page.evaluate("document.querySelector('.card img').decode().then(() => true)")).toBe(true)
    await page.getByRole('button', { name: 'v1 catalog-v1' }).click()
    await expect.poll(() => page.locator('.card img').count(), WAIT).toBe(0)
    expect(await page.locator('.card h3').allInnerTexts())
      .toEqual(['Elinor Glasses', 'Atlas Shirt', 'Small Metal Shoes', 'Red Dragon Watch'])

    await page.fill('#item-price', 'nine')
    await addItem(page)
    expect(await page.locator('#item-name-error').innerText()).toContain('Enter a name')
    expect(await page.locator('#item-price-error').innerText()).toContain('such as 84.00')
    expect(await page.evaluate('document.activeElement.id')).toBe('item-name')
    await page.fill('#item-name', '<b>Kite</b>')
    await page.fill('#item-price', '9.00')
    await addItem(page)
    await page.getByText(/^Added in pod catalog-v\d/).waitFor()
    await page.locator('.card h3', { hasText: '<b>Kite</b>' }).waitFor()
    expect(await page.locator('#item-name').inputValue()).toBe('')

    await page.click('#pause') // the new item appears even if the traffic is paused
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    await page.fill('#item-name', 'Cape')
    await page.fill('#item-price', '19.00')
    await addItem(page)
    await page.locator('.card h3', { hasText: 'Cape' }).waitFor()
    expect(errors).toEqual([])
  })

  test('the last known items stay while the catalog is down, for longer than a minute', async ({ open }) => {
    const { page, store } = await open()
    await page.clock.install()
    await page.goto(`${store.url}?rate=20`)
    await atLeast(page, 'ok.v2', 1)
    store.mesh.route = () => undefined
    await page.getByText('These are its last known items.').waitFor()
    await page.clock.fastForward(61_000)
    await expectPods(page).toEqual(['all forum pods', 'forum-1 (v1)', 'all catalog pods'])
    await page.waitForTimeout(1500) // until the page has drawn again
    expect(await page.locator('.card').count()).toBeGreaterThan(0)
  })

  test('while the catalog is down, the page says so and keeps working', async ({ visit }) => {
    const store = await startedStore()
    store.mesh.route = () => undefined
    const { page } = await visit(`${store.url}?rate=20`)
    await page.getByText('The catalog service is currently not available.').waitFor()
    await atLeast(page, 'dropped', 10)
    await page.locator('.users', { hasText: 'Ada Marsh' }).waitFor()
    await expectGraph(page).toMatch(/webapp calls a catalog that does not answer .* and 100 % fail; webapp calls forum/)
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9')
    await addItem(page)
    await page.getByText('The catalog did not accept the item: 500. Try again.').waitFor()

    store.mesh.route = () => 'v2'
    await atLeast(page, 'ok.v2', 5)
    await page.locator('.card img').first().waitFor()
    await expect.poll(() => page.getByText('currently not available').count(), WAIT).toBe(0)
  })

  test('a module that fails to load is loaded again', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    const documents = await failFirstLoad(page, 'seen.js')
    await page.goto(store.url)
    await atLeast(page, 'ok', 3)
    expect(documents.count).toBe(2)
  })

  test('the retry of a module does not send a form again', async ({ open }) => {
    const { page, requests } = await open({ search: '?rate=1' })
    await page.route('**/boot.js', route => route.abort()) // so that the form works without the script
    await page.reload()
    await page.unroute('**/boot.js')
    const documents = await failFirstLoad(page, 'seen.js')
    await page.evaluate("document.querySelector('.item-form').submit()")
    await page.waitForRequest('**/seen.js')
    await atLeast(page, 'ok', 2)
    expect(documents.count).toBe(2)
    expect(await page.evaluate('performance.getEntriesByType("navigation")[0].type')).not.toBe('reload')
    // The first visit, the reload, the form, and the retry without the form.
    expect(requests.filter(url => new URL(url).pathname === '/').length).toBe(4)
  })

  test('a syntax error in a module is reported, and the page does not load again', async ({ open }) => {
    const { page, errors } = await open()
    const broken = { contentType: 'text/javascript', body: 'const = 1' }
    await page.route('**/seen.js', route => route.fulfill(broken))
    let loads = 0
    page.on('framenavigated', () => loads++)
    await page.reload()
    await expect.poll(() => errors.filter(error => error.includes('SyntaxError')).length, WAIT).toBe(1)
    await page.waitForTimeout(3000)
    expect(loads).toBe(1)
  })

  test('the whole page works below a path prefix', async ({ open }) => {
    const { page, errors, requests } = await open({ prefix: '/team-a/store', search: '?rate=20' })
    await atLeast(page, 'ok.v2', 5)
    await page.locator('.card img').first().waitFor()
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9')
    await addItem(page)
    await page.getByText(/^Added in pod/).waitFor()
    await page.getByText('No pod has a rule.').waitFor()
    expect(requests.filter(url => !new URL(url).pathname.startsWith('/team-a/store/'))).toEqual([])
    expect(errors).toEqual([])
  })

  test('without JavaScript, the page is the book\'s page with a working form', async ({ open }) => {
    const { page, errors, store } = await open({ prefix: '/shop' }, { javaScriptEnabled: false })
    store.mesh.route = () => 'v2'
    await page.reload()
    expect(await page.locator('.graph.book').getAttribute('aria-label')).toContain('catalog answers, forum answers')
    expect(await page.locator('#grid').isVisible()).toBe(false)
    expect(await page.locator('.card img').count()).toBe(4)
    await page.fill('#item-name', 'Kite')
    await page.fill('#item-price', '9.00')
    await addItem(page)
    await page.getByText('Added in pod catalog-v2').waitFor()
    expect(new URL(page.url()).pathname).toBe('/shop/')
    expect(errors).toEqual([])
  })

  test.for([
    ['light', 1280], ['dark', 1280], ['light', 360]
  ] as const)('axe finds no violations: %s, %i px', async ([colorScheme, width], { open }) => {
    // The content policy would refuse axe, as it should.
    const context = { colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce', bypassCSP: true } as const
    const { page, store } = await open({ search: '?rate=20' }, context)
    let turn = 0
    store.mesh.route = () => turn++ % 3 === 2 ? 'v2' : 'v1' // so that some second attempts fail too
    store.mesh.retries = 1
    await store.set('v1', { type: '500', percentage: 60 })
    await store.set('v2', { type: 'latency', latencyMs: 5, percentage: 40 })
    for (const kind of ['ok.v1', 'ok.v2', 'fault', 'slowed', 'ok[data-attempt]']) await atLeast(page, kind, 1)
    await addItem(page)
    await page.click('#header-set')
    await page.locator('#rules button').first().waitFor()
    await page.click('#pause')
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core') })
    const { violations } = await page.evaluate('axe.run()') as axe.AxeResults
    const summaries = violations.map(({ id, impact, nodes }) => {
      const elements = nodes.map(({ html }) => html).slice(0, 3).join(' ')
      return `${impact} ${id}: ${elements}`
    })
    expect(summaries).toEqual([])
    const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    expect(fits, 'no element is wider than the page').toBe(true)
    const animations = await page.evaluate('document.getAnimations().length')
    expect(animations, 'animations with prefers-reduced-motion').toBe(0)
  })
})

/** Answers 503 to all requests for a module by the next document, and counts the documents. */
async function failFirstLoad (page: Page, module: string) {
  const documents = { count: 0 }
  page.on('request', request => { if (request.isNavigationRequest()) documents.count++ })
  const unavailable = { status: 503, body: 'no healthy upstream' }
  await page.route(`**/${module}`, route => documents.count < 2 ? route.fulfill(unavailable) : route.continue())
  return documents
}

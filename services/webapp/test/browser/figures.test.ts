// What the figures, charts and controls say about the traffic.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import {
  atLeast, cells, describeInBrowser, expectDetail, expectGraph, expectText, requestsInFlight, startedStore, test, WAIT
} from './visit.ts'

const SHOWN = ['#total', '#split-figures', '#success-figures', '#success-minute', '#latency-figures', '#forum-state']
const CHARTS = ['#split', '#success', '#latency', '#seen']

const expectMarks = (page: Page, chart = '#split') =>
  expect.poll(() => page.locator(`${chart} .mark title`).allTextContents(), WAIT)

/** Everything that must stand still while the traffic is paused. */
async function picture (page: Page): Promise<string[]> {
  const texts = SHOWN.map(selector => page.locator(selector).innerText())
  return Promise.all([...texts, ...CHARTS.map(selector => page.locator(selector).innerHTML())])
}

describeInBrowser('figures and charts', () => {
  test('while the traffic is paused, the whole picture stands still', async ({ open }) => {
    const { page, store } = await open()
    const inFlight = requestsInFlight(page)
    await page.clock.install()
    await page.goto(`${store.url}?rate=20`)
    await expectText(page, '#success-figures').toMatch(/100 %\s*ok/)
    await expectGraph(page).toMatch(/webapp calls forum/)
    await page.click('#pause')
    await expect.poll(() => inFlight.size, WAIT).toBe(0)
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    await page.clock.runFor(1000) // until the page has drawn again
    const before = await picture(page)
    await page.clock.fastForward(70_000)
    await page.clock.runFor(1000)
    expect(await picture(page)).toEqual(before)
    await page.click('#pause')
    await atLeast(page, 'ok', 20)
    await expectText(page, '#success-figures').toMatch(/100 %\s*ok/)
    expect(await page.locator('#split .bar').count()).toBeGreaterThan(1)
  })

  test('the last minute is shown beside the recent figures, and "Start over" clears both', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await store.set('v1', { type: '500', percentage: 100 })
    await expectText(page, '#success-figures').toMatch(/[45]\d %\s*ok\s+[45]\d %\s*injected/)
    await expectText(page, '#success-minute').toMatch(/last minute: \d+ %/)
    await store.heal()
    await expectText(page, '#success-figures').toMatch(/100 %\s*ok/)
    expect(await page.locator('#success-minute').innerText()).not.toContain('100 %')
    expect(await page.locator('#success .bar.fault').count()).toBeGreaterThan(0)
    await page.click('#start-over')
    expect(await page.locator('#success .bar.fault').count()).toBe(0)
    await expectText(page, '#success-minute').toBe('last minute: 100 %')
    await expect.poll(() => page.locator('#success').getAttribute('aria-label'), WAIT)
      .toMatch(/^100 % of \d+ requests succeeded\.$/)
  })

  test('the charts mark where a fault, the header or the rate changed', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    await expectText(page, '#fault-bar-state').toBe('No fault is set.')
    await page.click('#fault-set')
    await expectMarks(page).toEqual(['500, 50 %: v1'])
    await page.getByRole('button', { name: 'x-istio-cohort: internal' }).click()
    await page.locator('#rate').fill('10')
    const marks = ['500, 50 %: v1', 'header x-istio-cohort: internal', 'rate 10 a second']
    for (const chart of ['#split', '#success', '#latency']) {
      await expectMarks(page, chart).toEqual(marks)
      const label = await page.locator(chart).getAttribute('aria-label')
      for (const mark of marks) expect(label).toMatch(new RegExp(` \\d+ s ago: ${mark}\\.`))
    }
  })

  test('the charts also mark faults that were set in another tab, or from a terminal', async ({ visit }) => {
    const store = await startedStore()
    await store.set('v1', { type: 'latency', latencyMs: 5 }) // older than the page, so it is no change
    const { page } = await visit(`${store.url}?rate=20`)
    await expectText(page, '#fault-bar-state').toBe('latency 5 ms, 100 %: v1')
    await store.set('v1', { type: 'latency', latencyMs: 10 })
    await expectMarks(page).toEqual(['latency 10 ms, 100 %: v1'])

    const { page: other } = await visit(store.url)
    await expectText(other, '#fault-bar-state').toBe('latency 10 ms, 100 %: v1')
    await other.getByRole('button', { name: 'Heal everything' }).click()
    await expectMarks(page).toEqual(['latency 10 ms, 100 %: v1', 'no fault: v1'])
    await expectMarks(other).toEqual(['no fault: v1'])
  })

  test('figures and graph show calls and tries separately, and legend and grid show retries', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=10' })
    await expectText(page, '#total').toMatch(/^[\d.]+( of 10)? calls\/s$/) // no proxy counts attempts
    store.mesh.retries = 3
    await store.set('v1', { type: '500', percentage: 100 })
    await expect.poll(async () => {
      const text = await page.locator('#total').innerText()
      const [, calls, tries] = /^([\d.]+).* calls\/s, about ([\d.]+) tries\/s$/.exec(text) ?? []
      return Number(tries) / Number(calls)
    }, WAIT).toBeGreaterThan(1.2)
    await expectGraph(page).toMatch(/; with retries, the catalog gets about [\d.]+ tries\/s\.$/)
    await expect.poll(() => page.locator('#seen .tries').textContent(), WAIT).toMatch(/^about [\d.]+ tries\/s$/)
    const retried = page.locator('#legend [data-key=retried]')
    await expect.poll(() => retried.innerText(), WAIT).toMatch(/retried\s+[1-9]/)
    await retried.click()
    const opacity = await page.evaluate("getComputedStyle(document.querySelector('#grid [data-attempt]')).opacity")
    expect(opacity).toBe('0.1')
  })

  test('latency has a scale and a line for each version, and leaves out requests that hung', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await expectText(page, '#latency-figures').toMatch(/m?s\s+v1 p50\s+[\d.]+ m?s\s+v2 p50\s+[\d.]+ m?s\s+p95/)
    expect(await page.locator('#latency ~ .scale span').allInnerTexts()).toEqual(['10 s', '100 ms', '1 ms'])
    expect(await page.locator('#latency .curve.p50').count()).toBe(2)
    await store.set('v1', { type: 'drop', mode: 'hang', percentage: 100 })
    await expectText(page, '#latency-figures').toMatch(/^[\d.]+ m?s\s+v2 p50\s+[\d.]+ m?s\s+p95\s+[1-9]\d*\s+over 5 s$/)
    await expectDetail(page, 'dropped').toContain("no answer within 5 s (the page's own limit)")
    await expectText(page, '#split-figures').toMatch(/%\s+v2\s+\d+ %\s+no pod/)
  })

  test('the page shows the actual rate if that is below the set rate', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    for (const version of ['v1', 'v2'] as const) {
      await store.set(version, { type: 'latency', latencyMs: 1000, percentage: 100 })
    }
    await expectText(page, '#total').toMatch(/^\d\.\d of 20 calls\/s$/)
  })

  test('each kind of failure has one symbol, and all figures of a chart fit on one line', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await store.set('v1', { type: '500', percentage: 100 })
    await store.set('v2', { type: 'drop', percentage: 50 })
    await expectText(page, '#success-figures').toMatch(/%\s+ok\s+\d+ %\s+injected\s+\d+ %\s+no answer/)
    const swatches = "[...document.querySelectorAll('#success-figures .swatch')].map(({ classList }) => classList[1])"
    expect(await page.evaluate(swatches)).toEqual(['fault', 'dropped'])
    for (const width of [1280, 800, 360]) {
      await page.setViewportSize({ width, height: 900 })
      const fits = await page.evaluate(`[...document.querySelectorAll('.figures')].every(figures =>
        figures.scrollWidth <= figures.clientWidth &&
        new Set([...figures.children].map(({ offsetTop }) => offsetTop)).size === 1)`)
      expect(fits, `${width} px`).toBe(true)
    }
  })

  test('an injected 429 is shown as 429, although the webapp answers 500', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await store.set('v1', { type: 'abort', status: 429, percentage: 100 })
    await atLeast(page, 'fault', 1)
    await expectDetail(page, 'fault').toMatch(/injected fault\s+v1\s+429\s.*the webapp answered 500/s)
  })

  test('the legend counts the cells of the grid, and the detail says if its request has left it', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' }, { viewport: { width: 390, height: 900 } }) // with fewer cells
    await atLeast(page, 'ok', 1)
    await page.locator('#grid .ok').first().hover()
    await page.locator('h1').hover() // from now on, the detail stays with one request
    const [request] = /request \d+/.exec(await page.locator('#detail').innerText()) ?? []
    await expect.poll(() => page.locator('#detail').innerText(), { timeout: 300_000 })
      .toContain('(no longer in the grid)')
    expect(await page.locator('#detail').innerText()).toMatch(new RegExp(`^${request}\\s`))
    await page.click('#pause')
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    const count = page.locator('#legend [data-key=v1] .count')
    await expect.poll(async () => Number(await count.innerText()) - await cells(page, 'ok.v1'), WAIT).toBe(0)
  })

  test('one click sets a header, and another one removes it', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    store.mesh.route = ({ headers }) => headers['x-dark-launch'] === 'v2' ? 'v2' : 'v1'
    await atLeast(page, 'ok.v1', 1)
    await page.getByRole('button', { name: 'x-dark-launch: v2' }).click()
    await page.getByText('Sent with x-dark-launch: v2.').waitFor()
    await atLeast(page, 'ok.v2', 3)
    await page.getByRole('button', { name: 'Send none' }).click()
    await expectText(page, '#split-figures').toMatch(/^100 %\s+v1$/)
    expect(await page.locator('#header-name').inputValue()).toBe('')
  })

  test('while the webapp does not answer, a banner says so, until it answers again', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit(`${store.url}?rate=20`)
    await expectGraph(page).toMatch(/webapp calls forum/)
    await store.killWebapp()
    await page.getByText('The webapp does not answer. The state of the services behind it is unknown.').waitFor()
    await expectGraph(page).toMatch(/webapp [\d.]+ times a second, and 100 % fail; catalog v1 has no traffic/)
    await store.restartWebapp()
    await expectText(page, '#success-figures').toMatch(/100 %\s*ok/)
    expect(await page.locator('#webapp-silent').isVisible()).toBe(false)
  })
})

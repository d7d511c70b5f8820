// How the page loads: what it weighs, whether anything moves, and what it says if a script is missing.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { atLeast, cells, describeInBrowser, startedStore, test, WAIT } from './visit.ts'

const WIDE = { width: 1280, height: 720 }
const PHONE = { width: 390, height: 844 }

/** Records which elements moved without an action of the user, and how far. */
const OBSERVE_SHIFTS = `
  window.shifts = []
  new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(({ value, sources }) => ({
    value,
    moved: sources.map(({ node, previousRect, currentRect }) =>
      [node?.id || node?.className || node?.nodeName, previousRect.toJSON(), currentRect.toJSON()])
  })))).observe({ type: 'layout-shift', buffered: true })
`
interface Shift { value: number, moved: unknown[] }

describeInBrowser('the page loads', () => {
  test.for([
    ['at once', WIDE, '', false],
    ['over a slow network', WIDE, '', true],
    ['over a slow network, on a phone', PHONE, '', true],
    ['over a slow network, in the room view', WIDE, '?view=room', true]
  ] as const)('nothing moves: %s', async ([, viewport, search, isSlow], { visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank', { viewport })
    if (isSlow) await slowDown(page)
    await page.addInitScript(OBSERVE_SHIFTS)
    await page.goto(`${store.url}${search}`)
    await atLeast(page, 'ok.v1', 2)
    await atLeast(page, 'ok.v2', 2)
    await expect.poll(() => page.locator('#split .bar').count(), WAIT).toBeGreaterThan(0)
    await expect.poll(() => page.locator('#rules').textContent(), WAIT).toBe('No pod has a rule.')
    const shifts = await page.evaluate('window.shifts') as Shift[]
    const sum = shifts.reduce((sum, { value }) => sum + value, 0)
    expect(sum, JSON.stringify(shifts.filter(({ value }) => value > 0.005))).toBeLessThan(0.05)
  })

  test('scripts and style have less than 100 kB over the wire, and each file is loaded once', async ({ open }) => {
    const { page, requests } = await open()
    await atLeast(page, 'ok', 3)
    const sizes = await page.evaluate(`performance.getEntriesByType('resource')
      .filter(({ name }) => /[.](js|css)$/.test(name))
      .map(({ transferSize, decodedBodySize }) => [transferSize, decodedBodySize])`) as [number, number][]
    const [wire, raw] = [0, 1].map(at => sizes.reduce((sum, size) => sum + Number(size[at]), 0)) as [number, number]
    expect(sizes.length).toBeGreaterThan(20)
    expect(wire).toBeLessThan(100_000)
    expect(wire).toBeLessThan(raw / 2)
    const files = requests.filter(url => /[.](js|css)$/.test(url))
    expect(files.toSorted()).toEqual([...new Set(files)].toSorted())
  })

  test('if a module never loads, the page says so, and shows what the book\'s page shows', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    await page.addInitScript("if (location.href !== 'about:blank') sessionStorage['retries of loading the page'] = 30")
    await page.route('**/graph.js', route => route.fulfill({ status: 503 }))
    await page.goto(`${store.url}?view=room`)
    await page.getByText('The live part of this page did not load.').waitFor()
    expect(await page.locator('.graph.book').isVisible()).toBe(true)
    expect(await page.locator('#grid').isVisible()).toBe(false)
    expect(await page.locator('.item-form').isVisible()).toBe(true)
    await page.unroute('**/graph.js')
    await page.getByRole('link', { name: 'Load the page again' }).click()
    await atLeast(page, 'ok', 3)
  })

  test('if even the first script fails to load, the page says so', async ({ visit }) => {
    const store = await startedStore()
    const { page } = await visit('about:blank')
    await page.route('**/boot.js', route => route.fulfill({ status: 503 }))
    await page.goto(store.url)
    await page.getByText('The live part of this page did not load.').waitFor()
    expect(await cells(page, 'ok')).toBe(0)
  })
})

/** Emulates a network with a latency of 400 ms and 50 kB/s. */
async function slowDown (page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000
  })
}

// The room view, measured for people who sit 5 m away from a picture that is 2 m wide.
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Store } from '../store.ts'
import { atLeast, cells, describeInBrowser, expectAddress, startedStore, test, WAIT } from './visit.ts'

const PICTURE_M = 2
const DISTANCE_M = 5

interface Box { x: number, y: number, right: number, bottom: number }

interface Text {
  text: string
  /** the height of a capital letter, in pixels of the window */
  height: number
  /** one for each line */
  boxes: Box[]
}

/** All visible texts of the page, and the digits in cells. */
const TEXTS = `(() => {
  const context = document.createElement('canvas').getContext('2d')
  // In a small font, heights would be rounded to whole pixels.
  const capital = ({ fontStyle, fontWeight, fontSize, fontFamily }) => {
    context.font = [fontStyle, fontWeight, '1000px', fontFamily].join(' ')
    return context.measureText('H').actualBoundingBoxAscent / 1000 * parseFloat(fontSize)
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const texts = []
  while (walker.nextNode()) {
    const { nodeValue, parentElement } = walker.currentNode
    if (nodeValue.trim() === '' || !parentElement.checkVisibility({ visibilityProperty: true })) continue
    if (parentElement.closest('.masthead > div')) continue // only for screen readers
    const range = document.createRange()
    range.selectNodeContents(walker.currentNode)
    const scale = parentElement.getScreenCTM?.().a ?? 1
    const boxes = [...range.getClientRects()].map(({ x, y, right, bottom }) => ({ x, y, right, bottom }))
    texts.push({ text: nodeValue.trim(), height: capital(getComputedStyle(parentElement)) * scale, boxes })
  }
  for (const cell of document.querySelectorAll('.cell[data-attempt]')) {
    texts.push({ text: 'the digit in a cell', height: capital(getComputedStyle(cell, '::after')), boxes: [] })
  }
  return texts
})()`

/** The shapes of the cells with an answer, and the lines below failed ones. */
const SHAPES = `[...document.querySelectorAll('#grid .cell:not(:disabled, .pending)')].map(cell => {
  const { width, height } = getComputedStyle(cell, '::before')
  const [, line] = getComputedStyle(cell).backgroundSize.split(' ')
  return {
    kind: cell.className,
    size: Math.min(parseFloat(width), parseFloat(height)),
    line: cell.matches('.failed.v1, .failed.v2') ? parseFloat(line) : undefined
  }
})`

/** What scrolls or is cut off. The letters of some fonts are a little higher than their line. */
const CUT_OFF = `[document.documentElement, ...document.querySelectorAll('.panel, .panel *')]
  .filter(element => element.checkVisibility() && !element.closest('svg'))
  .filter(element => {
    const { display, fontSize } = getComputedStyle(element)
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element
    const isTooHigh = scrollHeight > clientHeight + parseFloat(fontSize) / 4
    return display !== 'inline' && (scrollWidth > clientWidth + 1 || isTooHigh)
  })
  .map(element => element.outerHTML.slice(0, 90))`

describeInBrowser('the room view', () => {
  test.for([
    [1920, 1080], [1280, 720]
  ] as const)('all texts have 10 arcmin and all cells 15, and nothing is cut off: %i x %i', async (size, { open }) => {
    const [width, height] = size
    const { page, store } = await open({ search: '?rate=20&view=room' }, { viewport: { width, height } })
    await showEverything(store, page)

    const arcminutes = (pixels: number) =>
      Math.atan(pixels / width * PICTURE_M / DISTANCE_M) / Math.PI * 180 * 60
    const texts = await page.evaluate(TEXTS) as Text[]
    expect(texts.length).toBeGreaterThan(30)
    expect(texts.filter(({ height }) => arcminutes(height) < 10)).toEqual([])
    const shapes = await page.evaluate(SHAPES) as { kind: string, size: number, line?: number }[]
    expect(shapes.length).toBeGreaterThan(50)
    expect(shapes.filter(({ size }) => arcminutes(size) < 15)).toEqual([])
    expect(shapes.filter(({ line = Infinity }) => arcminutes(line) < 5)).toEqual([])

    const all = await page.locator('#grid .cell').count()
    expect(all).toBeGreaterThan(60)
    expect(all).toBeLessThan(130)
    expect(await page.evaluate(CUT_OFF)).toEqual([])
    const outside = texts.filter(({ boxes }) => boxes.some(({ x, y, right, bottom }) =>
      x < 0 || y < 0 || right > width || bottom > height))
    expect(outside).toEqual([])
    expect(overlaps(texts)).toEqual([])
  })

  test('P and the button switch to it, Escape leaves it, and the address keeps it', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await atLeast(page, 'ok', 3)
    const isRoom = () => page.locator('html.room').count()
    const expectRoom = async (expected: boolean) => {
      await expect.poll(isRoom, WAIT).toBe(expected ? 1 : 0)
      expect(await page.locator('#catalog').isVisible()).toBe(!expected)
      expect(await page.locator('#grid').isVisible()).toBe(true)
      await expectAddress(page).toSatisfy((url: string) => url.includes('view=room') === expected)
    }
    await page.locator('#header-name').pressSequentially('x-p')
    await expectRoom(false)
    await page.locator('#rate').press('p')
    await expectRoom(true)
    await page.locator('#fault-bar').getByLabel('v1', { exact: true }).check()
    await page.keyboard.press('Escape')
    await expectRoom(false)
    await page.getByRole('button', { name: 'Room view (P)' }).click()
    await expectRoom(true)
    await page.reload({ waitUntil: 'commit' })
    await expectRoom(true)
    await atLeast(page, 'ok', 3)
    await page.getByRole('button', { name: 'Leave' }).click()
    await expectRoom(false)
    await page.locator('#fault-bar').getByLabel('v1', { exact: true }).check()
    await page.keyboard.press('Escape')
    await expectRoom(false)
  })

  test('the server sends the room view, so that nothing moves, but only scripts enable it', async ({ visit }) => {
    const { url } = await startedStore()
    expect(await (await fetch(`${url}?view=room`)).text()).toContain('<html lang="en" class="room">')
    expect(await (await fetch(`${url}?view=rooms`)).text()).toContain('<html lang="en">')
    const { page } = await visit(`${url}?view=room`, { javaScriptEnabled: false })
    expect(await page.locator('.item-form').isVisible()).toBe(true)
    expect(await page.locator('#room-view').isVisible()).toBe(false)
  })

  test.for(['light', 'dark'] as const)('axe finds no violations: %s', async (colorScheme, { open }) => {
    const { page, store } = await open({ search: '?rate=20&view=room' }, { colorScheme, bypassCSP: true })
    await showEverything(store, page)
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core') })
    const { violations } = await page.evaluate('axe.run()') as axe.AxeResults
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html).slice(0, 3)])).toEqual([])
  })
})

/** Makes both versions fail, in several ways, so that the page shows all that it can. Then it pauses. */
async function showEverything (store: Store, page: Page): Promise<void> {
  let turn = 0
  store.mesh.route = () => [undefined, 'v1', 'v2', 'v1', 'v2'][turn++ % 5] as 'v1' | 'v2' | undefined
  store.mesh.retries = 1
  await store.set('v1', { type: '500', percentage: 60 })
  await store.set('v2', { type: '500', percentage: 50 })
  await store.set('v2', { type: 'latency', latencyMs: 5, percentage: 60 })
  for (const kind of ['ok', 'ok[data-attempt]', 'slowed', 'fault.v1', 'fault.v2', 'dropped']) {
    await atLeast(page, kind, 1)
  }
  await expect.poll(() => page.locator('#seen .node').count(), WAIT).toBeGreaterThanOrEqual(5)
  await expect.poll(() => page.locator('#grid .cell:enabled').count(), WAIT).toBeGreaterThan(60)
  await page.locator('#pause').click()
  await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
}

/** The pairs of texts that cover each other. The boxes of adjacent lines may touch. */
function overlaps (texts: Text[]): [string, string][] {
  const lines = texts.flatMap(({ text, boxes }) => boxes.map(box => ({ text, box })))
  const covers = (a: Box, b: Box) => {
    const slack = Math.min(a.bottom - a.y, b.bottom - b.y) / 4
    return a.x < b.right - 1 && b.x < a.right - 1 && a.y < b.bottom - slack && b.y < a.bottom - slack
  }
  return lines.flatMap(({ text, box }, index) =>
    lines.slice(index + 1).filter(other => covers(box, other.box)).map(other => [text, other.text] as [string, string]))
}

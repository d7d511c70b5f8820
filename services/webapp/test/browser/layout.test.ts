// The grid and the layout of the page on several screens.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { atLeast, cells, describeInBrowser, test, WAIT } from './visit.ts'

/** The rows of the grid: the number of cells and their sizes. */
const ROWS = `Object.values(Object.groupBy(document.querySelectorAll('#grid .cell'), ({ offsetTop }) => offsetTop))
  .map(row => ({ n: row.length, sizes: [...new Set(row.map(cell => cell.offsetWidth + ' x ' + cell.offsetHeight))] }))`

describeInBrowser('the layout', () => {
  test.for([
    [1360, 850], [1280, 720]
  ] as const)('controls, grid, figures and charts are on one screen: %i x %i', async ([width, height], { open }) => {
    const { page } = await open({ search: '?rate=20' }, { viewport: { width, height } })
    await atLeast(page, 'ok', 5)
    for (const part of ['#controls', '.fault-bar', '#legend', '#grid', '#times', '#split', '#success', '#latency']) {
      for (const box of await Promise.all((await page.locator(part).all()).map(part => part.boundingBox()))) {
        expect(box, part).toSatisfy(({ y, height: own }) => y >= 0 && y + own <= height)
      }
    }
    expect(await cells(page, 'cell')).toBeGreaterThan(100)
  })

  test('the grid has whole rows of equal cells, in every window', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    for (const [width, height] of [[1280, 900], [1100, 700], [800, 900], [390, 844], [320, 600]] as const) {
      await page.setViewportSize({ width, height })
      await expect.poll(() => areWhole(page), { ...WAIT, message: `${width} x ${height}` }).toBe(true)
    }
  })

  test('the latest requests stay in the grid when its size changes', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' }, { viewport: { width: 1280, height: 720 } })
    await atLeast(page, 'ok', 100)
    await page.click('#pause')
    await expect.poll(() => cells(page, 'pending'), WAIT).toBe(0)
    const last = Math.max(...await numbers(page))
    const all = await page.locator('#grid .cell').count()
    await page.keyboard.press('p')
    await expect.poll(() => page.locator('#grid .cell').count(), WAIT).toBeLessThan(all)
    const shown = await page.locator('#grid .cell').count()
    expect(await numbers(page)).toEqual(Array.from({ length: shown }, (_, index) => last - shown + 1 + index))
    await page.keyboard.press('Escape')
    await expect.poll(async () => (await numbers(page)).length, WAIT).toBe(Math.min(all, last)) // all are back
    await page.click('#pause')
    await expect.poll(async () => Math.max(...await numbers(page)), WAIT).toBeGreaterThan(last + 30)
    await expect.poll(() => areWhole(page), WAIT).toBe(true)
  })

  test('the detail follows the cell under the pointer, and says if its request has left the grid', async ({ open }) => {
    const { page } = await open({ search: '?rate=20&view=room' })
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 320, height: 600 }) // a small grid, which is soon full
    await atLeast(page, 'ok', 3)
    await page.locator('#grid .cell.ok').first().click()
    const number = async () => Number(/request (\d+)/.exec(await page.locator('#detail').innerText())?.[1])
    const first = await number()
    // While the pointer is on the cell, the detail follows the newer requests there.
    await expect.poll(number, WAIT).toBeGreaterThan(first)
    await page.locator('#rate').focus()
    await page.mouse.move(5, 5)
    await expect.poll(() => page.locator('#detail').innerText(), WAIT).toContain('(no longer in the grid)')
  })

  test('on a phone, targets are at least 44 px high, and the page is short', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' }, { viewport: { width: 390, height: 844 }, hasTouch: true })
    await atLeast(page, 'ok.v2', 3)
    await page.getByText('No pod has a rule.').waitFor()
    const small = await page.evaluate(`[...document.querySelectorAll(
      'button:not(.cell), input:not([type=radio], [type=checkbox]), select, summary, nav a, label:has([type=radio])'
    )]
      .filter(target => target.checkVisibility())
      .map(target => [target.id || target.textContent, target.getBoundingClientRect().height])
      .filter(([, height]) => height < 44)`)
    expect(small).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    const height = await page.evaluate('document.documentElement.scrollHeight')
    expect(height).toBeLessThan(3650)
  })
})

async function areWhole (page: Page): Promise<boolean> {
  const rows = await page.evaluate(ROWS) as { n: number, sizes: string[] }[]
  return rows.length > 2 && rows.every(({ n, sizes }) => n === rows[0]?.n && sizes.join() === '28 x 28')
}

/** The numbers of the requests in the grid, in ascending order. */
async function numbers (page: Page): Promise<number[]> {
  const labels = await page.locator('#grid .cell:not(:disabled)')
    .evaluateAll(cells => cells.map(cell => String(cell.ariaLabel)))
  return labels.map(label => Number(/\d+/.exec(label)?.[0])).sort((a, b) => a - b)
}

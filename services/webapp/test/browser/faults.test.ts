// Setting faults on the page, in a real Chromium with a real store.
import { setTimeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { atLeast, cells, describeInBrowser, expectText, startedStore, test, WAIT } from './visit.ts'

const bar = (page: Page) => page.locator('#fault-bar')
const press = (page: Page, name: string) => bar(page).getByRole('button', { name, exact: true }).click()
const choose = (page: Page, name: string) => bar(page).getByLabel(name, { exact: true }).check()
/** Waits until the bar offers both versions, so that its choices do not move any more. */
const bothVersions = async (page: Page) => {
  for (const version of ['v1', 'v2']) await bar(page).getByLabel(version, { exact: true }).waitFor()
}
const expectState = (page: Page) => expectText(page, '#fault-bar-state')
const expectRules = (page: Page) => expect.poll(() => page.locator('#rules li').allInnerTexts(), WAIT)

describeInBrowser('faults on the page', () => {
  test('one press on the bar sets a fault, and the next press replaces it', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' }, { viewport: { width: 1280, height: 720 } })
    await bothVersions(page)
    await expectState(page).toBe('No fault is set.')
    const { bottom } = await page.evaluate("document.getElementById('fault-bar').getBoundingClientRect().toJSON()") as
      { bottom: number }
    expect(bottom).toBeLessThan(720)

    await choose(page, 'v1')
    await choose(page, '100 %')
    await press(page, '500')
    await expectState(page).toBe('500, 100 %: v1')
    await atLeast(page, 'fault.v1', 5)
    expect(await cells(page, 'fault.v2')).toBe(0)

    await choose(page, '10 %')
    await press(page, 'slow')
    await press(page, 'slow')
    await expectState(page).toBe('latency 500 ms (p99 2000 ms), 10 %: v1')
    await choose(page, 'all')
    await choose(page, '50 %')
    await press(page, 'drop')
    await expectState(page).toBe('drop (fin), 50 %: v1, v2')
  })

  test('the last press wins, even if the one before it takes longer', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await bothVersions(page)
    await page.route('**/api/chaos/**', async route => {
      if (route.request().method() === 'POST') await setTimeout(1500)
      await route.continue()
    })
    const healed = page.waitForResponse(answer => answer.request().method() === 'DELETE')
    await press(page, '500')
    await press(page, 'Heal everything')
    await healed
    await expectState(page).toBe('No fault is set.')
    await expectRules(page).toEqual(['No pod has a rule.'])
  })

  test('during a change, the bar shows that it is busy, and then the new faults', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await bothVersions(page)
    await expectState(page).toBe('No fault is set.')
    let answer = () => {}
    const mayAnswer = new Promise<void>(resolve => { answer = resolve })
    await page.route('**/api/chaos/**', async route => {
      if (route.request().method() === 'POST') await mayAnswer
      await route.continue()
    })
    await press(page, 'slow')
    await expectState(page).toBe('Changing …')
    expect(await bar(page).getAttribute('aria-busy')).toBe('true')
    answer()
    await expectState(page).toBe('latency 500 ms (p99 2000 ms), 50 %: v1, v2')
    expect(await bar(page).getAttribute('aria-busy')).toBe('false')
  })

  test('the bar names a pod only if it is one of several of its version', async ({ open }) => {
    const names = { v1: 'catalog-7d9f-aaaaa', v2: 'catalog-7d9f-bbbbb', forum: 'forum-5c8d-ccccc', webapp: 'webapp-1' }
    const { page } = await open({ search: '?rate=20', names })
    // The answers say that both pods have the same version.
    await page.route('**/api/catalog', async route => {
      const response = await route.fetch()
      await route.fulfill({ response, headers: { ...response.headers(), 'x-served-version': 'v1' } })
    })
    await page.reload()
    for (const pod of ['catalog/catalog-7d9f-aaaaa', 'catalog/catalog-7d9f-bbbbb', 'forum/forum-5c8d-ccccc']) {
      await page.locator(`#fault-pod option[value="${pod}"]`).waitFor({ state: 'attached' })
    }
    await page.selectOption('#fault-pod', 'catalog/catalog-7d9f-bbbbb')
    await page.click('#fault-set')
    await expectState(page).toBe('500, 50 %: v1 (…bbbbb)')
    await press(page, '500')
    await page.selectOption('#fault-pod', 'forum')
    await page.selectOption('#fault-type', 'abort')
    await page.click('#fault-set')
    await expectState(page).toBe('500, 50 %: v1; 503, 50 %: forum')
  })

  test('after a reload, pods that drop all calls can still be healed', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await bothVersions(page)
    for (const version of ['v1', 'v2'] as const) await store.set(version, { type: 'drop', percentage: 100 })
    await page.reload()
    await expectState(page).toBe('drop (fin), 100 %: v1, v2')
    await press(page, 'Heal everything')
    await atLeast(page, 'ok.v1', 1)
    await atLeast(page, 'ok.v2', 1)
  })

  test('the bar works with the keyboard, and Enter in it does not leave the page', async ({ open }) => {
    const { page } = await open()
    await bothVersions(page)
    await bar(page).getByLabel('all', { exact: true }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expectState(page).toBe('500, 100 %: v1')
  })

  test('"Heal everything" deletes all rules, even twice; the form deletes only those of its pod', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    for (const version of ['v1', 'v2'] as const) await store.set(version, { type: 'latency', latencyMs: 5 })
    await page.locator('#fault-pod option[value="catalog/catalog-v2"]').waitFor({ state: 'attached' })
    await page.locator('#fault-pod option[value="forum/forum-1"]').waitFor({ state: 'attached' })
    await page.selectOption('#fault-pod', 'forum')
    expect(await page.locator('#fault-clear').innerText()).toBe('Delete the rules of all forum pods')
    await page.click('#fault-set')
    await expectState(page).toBe('latency 5 ms, 100 %: v1, v2; 500, 50 %: forum')

    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    await page.getByRole('button', { name: 'Delete the rules of catalog-v1' }).click()
    await expectState(page).toBe('latency 5 ms, 100 %: v2; 500, 50 %: forum')
    await press(page, 'Heal everything')
    await press(page, 'Heal everything')
    await expectState(page).toBe('No fault is set.')
    await expectRules(page).toEqual(['No pod has a rule.'])
    expect(await page.locator('#fault-bar-problem').innerText()).toBe('')
  })

  test('a version that no longer exists stays chosen, so that a press cannot hit other pods', async ({ open }) => {
    const { page, store } = await open()
    await page.clock.install()
    await page.goto(`${store.url}?rate=20`)
    await bothVersions(page)
    await choose(page, 'v2')
    store.mesh.route = () => 'v1'
    await page.locator('#rules').getByText(/did not reach pod catalog-v2/).waitFor()
    await press(page, 'Heal everything') // a pod that no longer exists has no rules
    await expectState(page).toBe('No fault is set.')
    expect(await page.locator('#fault-bar-problem').innerText()).toBe('')
    await page.clock.fastForward(61_000)
    await expect.poll(() => page.locator('#fault-pod option').allInnerTexts(), WAIT).not.toContain('catalog-v2 (v2)')
    await press(page, '500')
    await expectText(page, '#fault-bar-problem').toBe('No pod of v2 was seen in the last minute.')
    await expectState(page).toBe('No fault is set.')
  })

  test('the form limits a fault to a duration or a number of hits, and sets lognormal delays', async ({ open }) => {
    const { page } = await open({ search: '?rate=20' })
    await page.locator('#fault-pod option[value="catalog/catalog-v1"]').waitFor({ state: 'attached' })
    await page.selectOption('#fault-pod', 'catalog/catalog-v1')
    expect(await page.locator('#fault-medianMs').isVisible()).toBe(false)
    await page.selectOption('#fault-type', 'latency')
    expect(await page.locator('#fault-medianMs').isVisible()).toBe(false)
    await page.selectOption('#fault-distribution', 'lognormal')
    expect(await page.locator('#fault-latencyMs').isVisible()).toBe(false)
    await page.fill('#fault-p99Ms', '400')
    await page.click('#fault-set')
    expect(await page.locator('#fault-p99Ms-error').innerText()).toBe('Enter at least the median.')
    await page.fill('#fault-medianMs', '40')
    await page.fill('#fault-seconds', '3600')
    await page.click('#fault-set')
    await expectRules(page)
      .toEqual([expect.stringMatching(/latency 40 ms \(p99 400 ms\), 50 %, for 3600 s\s[^]*\d+ s left/)])
    await atLeast(page, 'slowed.v1', 1)

    await page.selectOption('#fault-type', '500')
    await page.fill('#fault-percentage', '100')
    await page.fill('#fault-seconds', '')
    await page.fill('#fault-count', '3')
    await page.click('#fault-set')
    await atLeast(page, 'fault.v1', 3)
    await expectRules(page).toContainEqual(expect.stringMatching(/500, 100 %, 3 times\s[^]*ended \(count\), hit 3/))
    expect(await cells(page, 'fault.v1')).toBeLessThanOrEqual(3) // some may have left the grid
  })

  test('a pod that does not answer does not hide the rules of other pods', async ({ open }) => {
    const { page, store } = await open({ search: '?rate=20' })
    await page.locator('#fault-pod option[value="catalog/catalog-v1"]').waitFor({ state: 'attached' })
    await page.locator('#fault-pod option[value="catalog/catalog-v2"]').waitFor({ state: 'attached' })
    let turn = 0
    store.mesh.route = () => turn++ % 2 === 0 ? undefined : 'v2' // as if v1 had just died
    await store.set('v2', { type: 'latency', latencyMs: 5 })
    await expectRules(page).toContainEqual(expect.stringMatching(/latency 5 ms, 100 %\s+catalog-v2/))
    await choose(page, 'v2')
    await press(page, '500')
    await expectState(page).toContain('500, 50 %: v2')
    expect(await page.locator('#rules').innerText()).not.toContain('catalog-v2: ')
  })

  test('if the webapp does not set faults, the page first shows the command that opens it', async ({ visit }) => {
    const store = await startedStore({ access: 'local', namespace: 'istioinaction' })
    const { page } = await visit(store.url)
    await expectText(page, '#script-line').toBe('scripts/chaos.sh 500 50 -n istioinaction')
    expect(await page.locator('#open-line').innerText())
      .toBe('kubectl set env -n istioinaction deployment --all CHAOS_ACCESS=any')
    expect(await page.locator('#terminal-reason').innerText()).toContain('CHAOS_ACCESS=local')
    expect(await page.locator('#terminal code:visible').count()).toBeLessThanOrEqual(3)
    expect(await page.locator('#fault-bar').isVisible()).toBe(false)
    await page.getByText('With kubectl only').click()
    await expectText(page, '#kubectl-line').toMatch(/^kubectl exec -n istioinaction catalog-v1 -c catalog -- curl /)
  })
})

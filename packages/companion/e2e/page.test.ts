// The webapp's page through the ingress gateway shows what the mesh does.
import { chromiumForTests, launch } from '@outfitters/webapp/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { sendRequest } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { apply, freshMesh, k8s } from './mesh.ts'

const chromium = chromiumForTests()
const WAIT = { timeout: 60_000, interval: 500 }

describe.skipIf(chromium === undefined)('the page through the gateway', () => {
  const mesh = freshMesh({ components: ['offline'] })
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    await mesh.exposeStore()
    await vi.waitFor(async () => expect((await sendRequest(mesh.call('/'))).status).toBe(200), WAIT)
    const gateway = new URL(mesh.gateway.origin)
    browser = await launch(String(chromium), `--host-resolver-rules=MAP ${mesh.domain} ${gateway.hostname}`)
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', error => errors.push(String(error)))
    gateway.hostname = mesh.domain
    await page.goto(`${gateway.origin}/?rate=20`)
  })
  afterAll(() => browser?.close())

  const cells = (kind: string) => page.locator(`#grid .cell.${kind}`).count()
  const chaos = async (...args: string[]) => {
    const { code } = await command('scripts/chaos.sh', [...args, '-n', mesh.kubectl.namespace])
    expect(code).toBe(0)
  }
  /** Loads the page again, which then counts from zero. */
  const reload = () => page.goto(page.url())

  test('when half of the catalog\'s answers fail, cells show injected faults and successes', async () => {
    await chaos('500', '50')
    await reload()
    await expect.poll(() => cells('fault'), WAIT).toBeGreaterThan(10)
    await expect.poll(() => cells('ok'), WAIT).toBeGreaterThan(10)
    // By default, Istio retries some failures, but not a 500.
    expect(await page.locator('#grid .cell[data-attempt]').count()).toBe(0)
  })

  test('with retries, most cells are good again, and say which try succeeded', async () => {
    await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
    const retried = (attempt = '') => page.locator(`#grid .cell.ok[data-attempt${attempt}]`)
    await expect.poll(() => retried().count(), WAIT).toBeGreaterThan(5) // the proxies have picked up the route
    await reload()
    await expect.poll(() => retried('="3"').count(), WAIT).toBeGreaterThan(2)
    await expect.poll(async () => {
      await retried('="2"').last().hover()
      return page.locator('#detail').innerText() // a newer request may have taken the cell
    }, WAIT).toMatch(/ok\s+v1\s+200\s.*second try/s)
    // One call in sixteen fails. A share of fewer than a hundred calls says little.
    await expect.poll(async () => await cells('ok') + await cells('fault'), WAIT).toBeGreaterThan(100)
    const [good, failed] = [await cells('ok'), await cells('fault')]
    expect(failed / (good + failed), `${failed} of ${good + failed} fail`).toBeLessThan(0.25)
    await expect.poll(() => page.locator('#total').innerText(), WAIT).toMatch(/calls\/s, about [\d.]+ tries\/s/)
    await chaos('500', 'delete')
  })

  test('with a dark launch, the page gets version 2 as soon as it sends the header', async () => {
    await apply(mesh.kubectl, 'services/catalog-v2.yaml', 'istio/ch2/catalog-destinationrule.yaml')
    await waitForRollout(mesh.kubectl, ['catalog-v2'])
    await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice-dark-v2.yaml'))
    const call = mesh.call('/api/catalog', { 'x-dark-launch': 'v2' })
    await expect.poll(async () => (await sendRequest(call)).version, WAIT).toBe('v2')
    await expect.poll(async () => {
      await reload()
      await expect.poll(() => cells('ok'), WAIT).toBeGreaterThan(40)
      return cells('ok.v2')
    }, WAIT).toBe(0)

    await page.fill('#header-name', 'x-dark-launch')
    await page.fill('#header-value', 'v2')
    await page.click('#header-set')
    await expect.poll(() => cells('ok.v2'), WAIT).toBeGreaterThan(10)
    await page.locator('.card img').first().waitFor()
    await expect.poll(() => page.locator('#seen').getAttribute('aria-label'), WAIT).toMatch(/webapp calls catalog v2/)
    await page.click('#header-clear')
  })

  test('by default, faults cannot be read through the gateway, and the command on the page sets one', async () => {
    const [pod] = await mesh.kubectl.runningPodNames('app=catalog,version=v1')
    expect((await sendRequest(mesh.call(`/api/chaos/catalog/${pod}`))).status).toBe(403)
    await page.selectOption('#fault-pod', `catalog/${pod}`)
    await page.getByText('With kubectl only').click()
    const line = await page.locator('#kubectl-line').innerText()
    expect(line).toContain(` -n ${mesh.kubectl.namespace} `)
    expect((await command('bash', ['-c', line])).stdout).toMatch(/^blowups=/)
    await expect.poll(() => cells('fault.v1'), WAIT).toBeGreaterThan(3)
    await chaos('delete')
  })

  test('with CHAOS_ACCESS=any, the page sets a fault in the chosen one of two pods', async () => {
    await mesh.kubectl.run(['delete', 'virtualservice', 'catalog'])
    await mesh.kubectl.run(['set', 'env', 'deployment/webapp', 'deployment/catalog', 'CHAOS_ACCESS=any'])
    await mesh.kubectl.run(['scale', 'deployment/catalog-v2', '--replicas=0'])
    await mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
    await waitForRollout(mesh.kubectl, ['catalog', 'catalog-v2', 'webapp'])
    const pods = await mesh.kubectl.runningPodNames('app=catalog')
    expect(pods).toHaveLength(2)
    await reload()
    for (const pod of pods) {
      const option = page.locator(`#fault-pod option[value="catalog/${pod}"]`)
      await option.waitFor({ state: 'attached', timeout: 60_000 })
    }
    for (const pod of pods) {
      await page.selectOption('#fault-pod', `catalog/${pod}`)
      await page.click('#fault-set')
      await page.getByText(`Set 500, 50 % in ${pod}.`).waitFor({ timeout: 60_000 })
      const get = ['--container', 'catalog', '--', 'curl', '-sS', 'localhost:3000/blowup']
      const rules = await Promise.all(pods.map(name => mesh.kubectl.run(['exec', name, ...get])))
      expect(rules.map(text => Object.keys(JSON.parse(text)))).toEqual(pods.map(name => name === pod ? ['500'] : []))
      await page.getByRole('button', { name: `Delete 500 in ${pod}` }).click()
      await page.getByText('No pod has a rule.').waitFor({ timeout: 60_000 })
    }
  })

  test('no script of the page failed during these tests', () => {
    expect(errors).toEqual([])
  })
})

// The webapp's page through the ingress gateway: what a room sees on the wall while the mesh is bent.
import { chromiumForTests, launch } from '@outfitters/webapp/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { sendRequest } from '../src/judge/load.ts'
import { rolledOut } from '../src/cluster/workloads.ts'
import { apply, freshMesh, k8s } from './mesh.ts'

const chromium = chromiumForTests()
const WAIT = { timeout: 60_000, interval: 500 }

describe.skipIf(chromium === undefined)('the page through the gateway', () => {
  const mesh = freshMesh()
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    await mesh.kubectl.run(['set', 'env', 'deployment/forum', 'LOCAL_USERS=true'])
    await mesh.kubectl.apply(k8s('istio/ch2/ingress-gateway.yaml'))
    await rolledOut(mesh.kubectl, ['forum'])
    await vi.waitFor(async () => expect((await sendRequest(mesh.gateway.origin)).status).toBe(200), WAIT)
    browser = await launch(String(chromium))
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', error => errors.push(String(error)))
    await page.goto(`${mesh.gateway.origin}/?rate=20`)
  })
  afterAll(() => browser?.close())

  const cells = (kind: string) => page.locator(`#grid .cell.${kind}`).count()
  const chaos = async (...args: string[]) => expect(await command('scripts/chaos.sh', [...args, '-n', mesh.kubectl.namespace])).toMatchObject({ code: 0 })
  /** The page anew: what was seen before is not counted. */
  const afresh = () => page.goto(page.url())

  test('a catalog that fails half of the time: half of the cells are injected faults', async () => {
    await chaos('500', '50')
    await afresh()
    await expect.poll(() => cells('fault'), WAIT).toBeGreaterThan(10)
    await expect.poll(() => cells('ok'), WAIT).toBeGreaterThan(10)
    expect(await page.locator('#grid .cell[data-attempt]').count()).toBe(0) // Istio tries again by itself, but not after a 500
  })

  test('with retries the cells turn good again, and say which try it was', async () => {
    await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
    await expect.poll(() => page.locator('#grid .cell.ok[data-attempt]').count(), WAIT).toBeGreaterThan(5) // the proxies have heard
    await afresh()
    await expect.poll(() => page.locator('#grid .cell.ok[data-attempt="3"]').count(), WAIT).toBeGreaterThan(2)
    await page.locator('#grid .cell.ok[data-attempt="2"]').last().hover()
    expect(await page.locator('#detail').innerText()).toMatch(/ok\s+v1\s+200\s.*second try/s)
    await expect.poll(async () => await cells('ok') + await cells('fault'), WAIT).toBeGreaterThan(100) // of fewer the share says little
    const [good, failed] = [await cells('ok'), await cells('fault')]
    expect(failed / (good + failed), `${failed} of ${good + failed} fail`).toBeLessThan(0.25) // one in sixteen
    await expect.poll(() => page.locator('#success-figures').innerText(), WAIT).toMatch(/\d+ %\s*retried/)
    await chaos('500', 'delete')
  })

  test('launched in the dark, version 2 is what the page gets once it sends the header', async () => {
    await apply(mesh.kubectl, 'services/catalog-v2.yaml', 'istio/ch2/catalog-destinationrule.yaml')
    await rolledOut(mesh.kubectl, ['catalog-v2'])
    await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice-dark-v2.yaml'))
    await expect.poll(async () => (await sendRequest({ url: `${mesh.gateway.origin}/api/catalog`, headers: { 'x-dark-launch': 'v2' } })).version, WAIT).toBe('v2')
    await expect.poll(async () => {
      await afresh()
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

  test('by default the gateway shows nobody the faults, and the line on the page sets them', async () => {
    const [pod] = await mesh.kubectl.pods('app=catalog,version=v1')
    expect((await sendRequest(`${mesh.gateway.origin}/api/chaos/catalog/${pod}`)).status).toBe(403)
    await page.selectOption('#fault-pod', `catalog/${pod}`)
    const line = await page.locator('#kubectl-line').innerText()
    expect((await command('bash', ['-c', line.replace(/^kubectl/, `kubectl -n ${mesh.kubectl.namespace}`)])).stdout).toMatch(/^blowups=/)
    await expect.poll(() => cells('fault.v1'), WAIT).toBeGreaterThan(3)
    await chaos('delete')
  })

  test('where both sides allow it, the page sets a fault in the one pod of two that was named', async () => {
    await mesh.kubectl.run(['delete', 'virtualservice', 'catalog'])
    await mesh.kubectl.run(['set', 'env', 'deployment/webapp', 'deployment/catalog', 'CHAOS_ACCESS=any'])
    await mesh.kubectl.run(['scale', 'deployment/catalog-v2', '--replicas=0'])
    await mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
    await rolledOut(mesh.kubectl, ['catalog', 'catalog-v2', 'webapp'])
    const pods = await mesh.kubectl.pods('app=catalog')
    expect(pods).toHaveLength(2)
    await afresh()
    for (const pod of pods) await page.locator(`#fault-pod option[value="catalog/${pod}"]`).waitFor({ state: 'attached', timeout: 60_000 })
    for (const pod of pods) {
      await page.selectOption('#fault-pod', `catalog/${pod}`)
      await page.click('#fault-set')
      await page.getByText(`Set 500, 50 % in ${pod}.`).waitFor({ timeout: 60_000 })
      const rules = await Promise.all(pods.map(name => mesh.kubectl.run(['exec', name, '--container', 'catalog', '--', 'curl', '-sS', 'localhost:3000/blowup'])))
      expect(rules.map(text => Object.keys(JSON.parse(text)))).toEqual(pods.map(name => name === pod ? ['500'] : []))
      await page.getByRole('button', { name: `Delete 500 in ${pod}` }).click()
      await page.getByText('No pod that was seen has a rule.').waitFor({ timeout: 60_000 })
    }
  })

  test('in all that, no script of the page failed', () => {
    expect(errors).toEqual([])
  })
})

// The walk of chapter 2, in its order: each test goes on from where the one before has left the mesh.
import { expect, test } from 'vitest'
import { command } from '../src/command.ts'
import { Kubectl } from '../src/kubectl.ts'
import { ask, load, type Outcome } from '../src/load.ts'
import { freshMesh, k8s, ROOT } from './mesh.ts'

const mesh = freshMesh()
const FAILED = 'error calling Catalog service'

// All counts below are binomial; their bounds are five standard deviations away, which a right mesh leaves once in 1.7 million runs.
const within = (n: number, p: number) => ({ low: n * p - 5 * Math.sqrt(n * p * (1 - p)), high: n * p + 5 * Math.sqrt(n * p * (1 - p)) })

const chaos = (...args: string[]) => command(`${ROOT}scripts/chaos.sh`, [...args, '--namespace', mesh.kubectl.namespace])
const items = (n: number, headers: Record<string, string> = {}) => load({ url: `${mesh.gateway.origin}/api/catalog`, headers, rate: 50, until: n })
const count = (outcomes: Outcome[], is: (outcome: Outcome) => boolean) => outcomes.filter(is).length
const hasImages = ({ body }: Outcome) => body.includes('imageUrl')

/** Waits until the sidecars have heard of a change: until `n` requests in a row are as they are to be. */
async function settles (is: (outcome: Outcome) => boolean, headers: Record<string, string> = {}) {
  await expect.poll(async () => count(await items(20, headers), is), { timeout: 30_000, interval: 500 }).toBe(20)
}

test('deploy: every pod has its proxy, and answers to a pod outside the mesh', async () => {
  const { items: pods } = await mesh.kubectl.json<{ items: { spec: { containers: { name: string }[], initContainers: { name: string }[] }, status: { containerStatuses: { ready: boolean }[] } }[] }>(['get', 'pods'])
  expect(pods).toHaveLength(3)
  for (const { spec, status } of pods) {
    expect([...spec.containers, ...spec.initContainers].map(({ name }) => name)).toContain('istio-proxy')
    expect(status.containerStatuses.every(({ ready }) => ready)).toBe(true)
  }
  expect((await mesh.curlOutside(`http://${mesh.host('catalog')}/items/1`)).stdout)
    .toBe('{\n  "id": 1,\n  "color": "amber",\n  "department": "Eyewear",\n  "name": "Elinor Glasses",\n  "price": "282.00"\n}')
  expect((await mesh.curlOutside(`http://${mesh.host('webapp')}/api/catalog/items/1`)).stdout)
    .toBe('{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"}')
})

test('gateway: the webapp is there for the outside, and the gateway has its route', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/ingress-gateway.yaml'))
  await expect.poll(async () => (await ask(`${mesh.gateway.origin}/api/catalog/items/1`)).status, { timeout: 30_000 }).toBe(200)
  const [proxy] = await new Kubectl('istio-system').pods('app=istio-ingressgateway')
  const routes = await command('istioctl', ['proxy-config', 'routes', `${proxy}.istio-system`])
  expect(routes.stdout).toContain(`webapp-virtualservice.${mesh.kubectl.namespace}`)
})

test('chaos 500 100: every call fails, and says that the fault is injected', async () => {
  expect(await chaos('500', '100')).toMatchObject({ code: 0 })
  const outcomes = await items(60)
  expect(count(outcomes, ({ status, body, headers }) => status === 500 && body === FAILED && headers['x-chaos'] === '500')).toBe(60)
})

// Istio retries by itself, but not a 500: what the reader sees is what the catalog does.
test('chaos 500 50: half of the calls fail', async () => {
  expect(await chaos('500', '50')).toMatchObject({ code: 0 })
  const outcomes = await items(400)
  const failed = count(outcomes, ({ status, body }) => status === 500 && body === FAILED)
  expect(failed).toBeGreaterThan(within(400, 0.5).low)
  expect(failed).toBeLessThan(within(400, 0.5).high)
  expect(count(outcomes, ({ status }) => status === 200)).toBe(400 - failed)
})

test('retry: with three more attempts one in sixteen still fails, and answers tell which attempt it was', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
  await expect.poll(async () => count(await items(40), ({ headers }) => Number(headers['x-attempt']) > 1), { timeout: 30_000 }).toBeGreaterThan(5)
  const outcomes = await items(800)
  const failed = count(outcomes, ({ status }) => status === 500)
  expect(failed).toBeGreaterThan(within(800, 1 / 16).low)
  expect(failed).toBeLessThan(within(800, 1 / 16).high)
  expect(count(outcomes, ({ status }) => status === 200)).toBe(800 - failed)
  expect(new Set(outcomes.map(({ headers }) => headers['x-attempt']))).toEqual(new Set(['1', '2', '3', '4']))
})

test('chaos 500 delete: no call fails', async () => {
  expect(await chaos('500', 'delete')).toMatchObject({ code: 0 })
  expect(count(await items(60), ({ status }) => status === 200)).toBe(60)
})

// Istio balances by least request, which is no coin: a band and no binomial.
test('v2: about half of the answers have images', async () => {
  await mesh.kubectl.apply(k8s('services/catalog-v2.yaml'))
  await mesh.kubectl.rolledOut('catalog-v2')
  await expect.poll(async () => count(await items(20), hasImages), { timeout: 30_000 }).toBeGreaterThan(0)
  const outcomes = await items(400)
  const share = count(outcomes, hasImages) / outcomes.length
  expect(share).toBeGreaterThan(0.3)
  expect(share).toBeLessThan(0.7)
  expect(outcomes.every(outcome => hasImages(outcome) === (outcome.headers['x-served-version'] === 'v2'))).toBe(true)
})

test('pin to v1: no answer has images', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-destinationrule.yaml'), k8s('istio/ch2/catalog-virtualservice-all-v1.yaml'))
  await settles(outcome => !hasImages(outcome))
  expect(count(await items(200), hasImages)).toBe(0)
})

test('dark launch: v2 for those who send the header, v1 for everybody else', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice-dark-v2.yaml'))
  await settles(hasImages, { 'x-dark-launch': 'v2' })
  expect(count(await items(100, { 'x-dark-launch': 'v2' }), hasImages)).toBe(100)
  expect(count(await items(100), hasImages)).toBe(0)
  expect(count(await items(100, { 'x-dark-launch': 'v3' }), hasImages)).toBe(0)
})

test('the page shows the store through the gateway', async () => {
  const page = await ask(`${mesh.gateway.origin}/`)
  expect([page.status, page.body.includes('catalog answers')]).toEqual([200, true])
})

test('istioctl analyze finds nothing wrong with any of it', async () => {
  const { code, stdout, stderr } = await command('istioctl', ['analyze', '--namespace', mesh.kubectl.namespace])
  expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('No validation issues found')])
})

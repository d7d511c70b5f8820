// What a rollout and a lost pod cost those who call: nothing.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sendRequest, load, type Call } from '../src/judge/load.ts'
import { rolledOut } from '../src/cluster/workloads.ts'
import { freshMesh, k8s } from './mesh.ts'

const mesh = freshMesh()
const figures: string[] = []
afterAll(() => console.log(figures.join('\n')))

beforeAll(async () => {
  await mesh.kubectl.run(['set', 'env', 'deployment/forum', 'LOCAL_USERS=true'])
  await mesh.kubectl.apply(k8s('istio/ch2/ingress-gateway.yaml'))
  await rolledOut(mesh.kubectl, ['forum'])
  for (const path of ['/api/catalog', '/api/users']) {
    await vi.waitFor(async () => expect((await sendRequest(mesh.gateway.origin + path)).status).toBe(200), { timeout: 30_000, interval: 200 })
  }
})

/** The outcomes of a load of 40 requests a second that lasts from before `change` until five seconds after it. */
async function under (path: string, change: () => Promise<unknown>): Promise<Call[]> {
  const end = new AbortController()
  const outcomes = load({ url: mesh.gateway.origin + path, rate: 40, until: end.signal })
  try {
    await change()
    await new Promise(resolve => setTimeout(resolve, 5000))
  } finally {
    end.abort()
  }
  return (await outcomes).calls
}

/** How many of each status there were. */
function tally (outcomes: Call[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

test.each([['webapp', '/api/catalog'], ['catalog', '/api/catalog'], ['forum', '/api/users']])('a rolling restart of the %s under load loses no request', async (deployment, path) => {
  const before = await mesh.kubectl.pods(`app=${deployment}`)
  const outcomes = await under(path, async () => {
    await mesh.kubectl.run(['rollout', 'restart', `deployment/${deployment}`])
    await rolledOut(mesh.kubectl, [deployment])
    await expect.poll(async () => (await mesh.kubectl.try(['get', 'pod', ...before])).stderr, { timeout: 60_000 }).toContain('NotFound') // the old pod has drained and gone
  })
  figures.push(`rolling restart of ${deployment}: ${JSON.stringify(tally(outcomes))}`)
  expect(outcomes.length).toBeGreaterThan(300)
  expect(tally(outcomes)).toEqual({ 200: outcomes.length })
})

test('a catalog pod that is killed without grace costs nothing where there are two and the mesh retries', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
  await mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
  await rolledOut(mesh.kubectl, ['catalog'])
  await expect.poll(async () => new Set((await load({ url: `${mesh.gateway.origin}/api/catalog`, rate: 40, until: 20 })).calls.map(({ headers }) => headers['x-served-by'])).size, { timeout: 30_000 }).toBe(2)

  const [victim] = await mesh.kubectl.pods('app=catalog')
  const outcomes = await under('/api/catalog', () => mesh.kubectl.run(['delete', 'pod', `${victim}`, '--grace-period=0', '--force']))
  figures.push(`forced end of one of two catalogs: ${JSON.stringify(tally(outcomes))}, attempts ${JSON.stringify(outcomes.filter(({ headers }) => Number(headers['x-attempt']) > 1).length)} retried`)
  expect(outcomes.length).toBeGreaterThan(150)
  expect(tally(outcomes)).toEqual({ 200: outcomes.length })
})

// Callers lose no request during a rollout, and none when a pod is killed while the mesh retries.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sendRequest, sendLoad, type Call } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { freshMesh, k8s } from './mesh.ts'

const mesh = freshMesh({ components: ['offline'] })
const figures: string[] = []
afterAll(() => console.log(figures.join('\n')))

beforeAll(async () => {
  await mesh.exposeStore()
  for (const path of ['/api/catalog', '/api/users']) {
    const isAnswered = async () => expect((await sendRequest(mesh.call(path))).status).toBe(200)
    await vi.waitFor(isAnswered, { timeout: 30_000, interval: 200 })
  }
})

/** The calls of a load of 40 requests a second, from before `change` until five seconds after it. */
async function callsDuring (path: string, change: () => Promise<unknown>): Promise<Call[]> {
  const end = new AbortController()
  const outcomes = sendLoad({ ...mesh.call(path), rate: 40, until: end.signal })
  try {
    await change()
    await new Promise(resolve => setTimeout(resolve, 5000))
  } finally {
    end.abort()
  }
  return (await outcomes).calls
}

/** The number of calls by status. */
function tally (outcomes: Call[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const CALLS = [['webapp', '/api/catalog'], ['catalog', '/api/catalog'], ['forum', '/api/users']] as const

test.each(CALLS)('a rolling restart of the %s under load loses no request', async (deployment, path) => {
  const before = await mesh.kubectl.runningPodNames(`app=${deployment}`)
  const outcomes = await callsDuring(path, async () => {
    await mesh.kubectl.run(['rollout', 'restart', `deployment/${deployment}`])
    await waitForRollout(mesh.kubectl, [deployment])
    const errors = async () => (await mesh.kubectl.try(['get', 'pod', ...before])).stderr
    await expect.poll(errors, { timeout: 60_000 }).toContain('NotFound') // the old pod has drained and ended
  })
  figures.push(`rolling restart of ${deployment}: ${JSON.stringify(tally(outcomes))}`)
  expect(outcomes.length).toBeGreaterThan(300)
  expect(tally(outcomes)).toEqual({ 200: outcomes.length })
})

test('no request fails when one of two catalog pods is killed and the mesh retries', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
  await mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
  await waitForRollout(mesh.kubectl, ['catalog'])
  const answering = async () => {
    const { calls } = await sendLoad({ ...mesh.call('/api/catalog'), rate: 40, until: 20 })
    return new Set(calls.map(({ pod }) => pod)).size
  }
  await expect.poll(answering, { timeout: 30_000 }).toBe(2)

  const [victim] = await mesh.kubectl.runningPodNames('app=catalog')
  const kill = ['delete', 'pod', `${victim}`, '--grace-period=0', '--force']
  const outcomes = await callsDuring('/api/catalog', () => mesh.kubectl.run(kill))
  const retried = outcomes.filter(({ attempt = 1 }) => attempt > 1).length
  figures.push(`kill of one of two catalog pods: ${JSON.stringify(tally(outcomes))}, ${retried} retried`)
  expect(outcomes.length).toBeGreaterThan(150)
  expect(tally(outcomes)).toEqual({ 200: outcomes.length })
})

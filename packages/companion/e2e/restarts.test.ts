// Callers lose no request during a rollout, and none when a pod is killed while the mesh retries. Without a catalog,
// the webapp still answers in time. If istiod restarts during an exercise, the exercise passes or is not judged, and
// everything is restored.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sendRequest, sendLoad, type Call } from '../src/judge/load.ts'
import { command } from '../src/cluster/command.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { CLI, cluster, freshNamespaces, phaseOf, textOf } from './exercises.ts'
import { freshMesh, k8s, NOTHING_FAILED } from './mesh.ts'
import { during } from './reader.ts'

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

/**
 * The calls from before `change` until five seconds after it: 40 a second on connections that are kept, and 20 on new
 * ones.
 */
async function callsDuring (path: string, change: () => Promise<unknown>): Promise<{ kept: Call[], fresh: Call[] }> {
  const end = new AbortController()
  const kept = sendLoad({ ...mesh.call(path), rate: 40, until: end.signal })
  const fresh: Promise<Call>[] = []
  const timer = setInterval(() => fresh.push(sendRequest(mesh.call(path))), 50)
  try {
    await change()
    await sleep(5000)
  } finally {
    clearInterval(timer)
    end.abort()
  }
  return { kept: (await kept).calls, fresh: await Promise.all(fresh) }
}

/** The number of calls by status. */
function tally (outcomes: Call[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const figuresOf = ({ kept, fresh }: { kept: Call[], fresh: Call[] }) =>
  `${JSON.stringify(tally(kept))} on kept connections, ${JSON.stringify(tally(fresh))} on new ones`

const CALLS = [['webapp', '/api/catalog'], ['catalog', '/api/catalog'], ['forum', '/api/users']] as const

test.each(CALLS)('a rolling restart of the %s under load loses no request', async (deployment, path) => {
  const before = await mesh.kubectl.runningPodNames(`app=${deployment}`)
  const { kept, fresh } = await callsDuring(path, async () => {
    await mesh.kubectl.run(['rollout', 'restart', `deployment/${deployment}`])
    await waitForRollout(mesh.kubectl, [deployment])
    const errors = async () => (await mesh.kubectl.try(['get', 'pod', ...before])).stderr
    await expect.poll(errors, { timeout: 60_000 }).toContain('NotFound') // the old pod has drained and ended
  })
  figures.push(`rolling restart of ${deployment}: ${figuresOf({ kept, fresh })}`)
  expect(kept.length).toBeGreaterThan(300)
  expect(tally(kept)).toEqual({ 200: kept.length })
  expect(fresh.length).toBeGreaterThan(100)
  expect(tally(fresh)).toEqual({ 200: fresh.length })
})

/**
 * Ends the process of a container at once, as `kill -9` on its node would: it handles nothing and closes nothing. From
 * inside the container, signals cannot do that to the first process, but its debugger can.
 */
const CRASH = `
  process.kill(1, 'SIGUSR1') // starts the debugger
  const timer = setInterval(async () => {
    const [target] = await fetch('http://127.0.0.1:9229/json').then(answer => answer.json(), () => [])
    if (target === undefined) return
    clearInterval(timer)
    const socket = new WebSocket(target.webSocketDebuggerUrl)
    const params = { expression: 'process.reallyExit(137)' }
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params }))
  }, 20)`

interface CrashedPod {
  status: { containerStatuses: { name: string, lastState: { terminated?: { exitCode: number } } }[] }
}

test('no request fails when one of two catalog pods is killed and the mesh retries', async () => {
  await mesh.kubectl.apply(k8s('istio/ch2/catalog-virtualservice.yaml'))
  await mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=2'])
  await waitForRollout(mesh.kubectl, ['catalog'])
  const answering = async () => {
    const { calls } = await sendLoad({ ...mesh.call('/api/catalog'), rate: 40, until: 20 })
    return new Set(calls.map(({ pod }) => pod)).size
  }
  await expect.poll(answering, { timeout: 30_000 }).toBe(2)

  const [victim = ''] = await mesh.kubectl.runningPodNames('app=catalog')
  const crash = ['exec', victim, '--container', 'catalog', '--', 'node', '-e', CRASH]
  const { kept, fresh } = await callsDuring('/api/catalog', async () => {
    await sleep(1000) // calls are in progress
    await mesh.kubectl.try(crash)
  })
  const { status } = await mesh.kubectl.json<CrashedPod>(['get', 'pod', victim])
  expect(status.containerStatuses.find(({ name }) => name === 'catalog')?.lastState.terminated?.exitCode).toBe(137)
  const retried = [...kept, ...fresh].filter(({ attempt = 1 }) => attempt > 1).length
  figures.push(`crash of one of two catalog pods: ${figuresOf({ kept, fresh })}, ${retried} retried`)
  expect(kept.length).toBeGreaterThan(150)
  expect(retried).toBeGreaterThan(0)
  expect(tally([...kept, ...fresh])).toEqual({ 200: kept.length + fresh.length })
})

/** Limits for the answers: the webapp waits 15 s for the catalog, its page 3 s, and the calls here 30 s. */
const [API_MS, PAGE_MS] = [25_000, 10_000]

test.each<[string, () => Promise<unknown>]>([
  ['hangs', () => command('scripts/chaos.sh', ['rule', HANG, '-n', mesh.kubectl.namespace])],
  ['is gone', () => mesh.kubectl.run(['scale', 'deployment/catalog', '--replicas=0'])]
])('while the catalog %s, the webapp answers within its timeout, and so does the page', async (what, breakIt) => {
  await breakIt()
  const failing = async () => (await sendRequest(mesh.call('/api/catalog'))).status
  await expect.poll(failing, { timeout: 120_000 }).toBe(500)
  const [api, page] = await Promise.all(['/api/catalog', '/'].map(path => sendRequest(mesh.call(path))))
  figures.push(`the catalog ${what}: the API answers after ${seconds(api)}, the page after ${seconds(page)}`)
  expect([api?.status, api?.body]).toEqual([500, 'error calling Catalog service'])
  const unavailable = expect.stringContaining('catalog service is currently not available')
  expect([page?.status, page?.body]).toEqual([200, unavailable])
  expect(api?.duration).toBeLessThan(API_MS)
  expect(page?.duration).toBeLessThan(PAGE_MS)
})

/** A fault that holds every request to the catalog for a minute. */
const HANG = JSON.stringify({ type: 'drop', mode: 'hang', hangMs: 60_000 })

const seconds = (call: Call | undefined) => `${((call?.duration ?? NaN) / 1000).toFixed(1)} s`

const namespaces = freshNamespaces()
afterAll(namespaces.remove)

test.each([
  ['ch2.retry', 'fault-500-50'], ['ch2.retry', 'retried-calls'], ['ch2.route-v1', 'apply-catalog-virtualservice-all-v1']
])('if istiod restarts during %s, at %s, no verdict is wrong, and all is restored', async (id, step) => {
  const namespace = namespaces.fresh()
  const args = [CLI, id, '--namespace', namespace, '--host', `${namespace}.example`]
  const { code, said } = await during('node', args, deleteIstiod, { when: textOf(id, step) })
  figures.push(`istiod deleted during ${id}, at ${step}: exit code ${code}`)
  expect([code, said]).toEqual([NOTHING_FAILED, expect.not.stringContaining('could not be restored')])
  expect(['', 'Terminating']).toContain(await phaseOf(namespace)) // it did not exist before
})

/** Deletes istiod at once. Until a new one works, nobody can change the configuration of the mesh. */
const deleteIstiod = () =>
  cluster.in('istio-system').run(['delete', 'pod', '--selector', 'app=istiod', '--grace-period=0', '--force'])

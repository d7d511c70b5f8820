import { beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Execute, KubeObject } from '../src/cluster/kubectl.ts'
import type { Exercise } from '../src/course/exercise.ts'
import { apply, inspect, once } from '../src/course/steps.ts'
import { all } from '../src/judge/statistics.ts'
import { silent } from '../src/run/reporter.ts'
import { reset, runExercises, type RunOptions } from '../src/run/run.ts'
import { FakeCluster } from './fake-cluster.ts'
import { failingKubectl, MESH, type Answer } from './fake-kubectl.ts'

beforeAll(() => failingKubectl())
beforeEach(() => { vi.stubEnv('OUTFITTERS_IMAGES', '') })

const SECRET = 'shop:secret/outfitters-companion'
const USERS = 'shop:destinationrule.networking.istio.io/mine'
const APPLIED = 'shop:destinationrule.networking.istio.io/catalog'
const mine: KubeObject = {
  apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'mine' }, spec: { host: 'mine' }
}

const OTHERS = /config|api-resources|istiod|version|services -A|namespace|dry-run|gateways/
const ANSWERS: Answer[] = [
  ...MESH.filter(([pattern]) => OTHERS.test(pattern.source)),
  [/create configmap/, {}],
  [/get deployments catalog webapp forum/, {}],
  [/get printed/, { stdout: 'yes' }]
]

const exercise = (id: string, more: Partial<Exercise> = {}): Exercise => ({
  id,
  title: id,
  aim: '',
  needs: [],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Apply.'),
    inspect('printed', 'what is printed', {
      says: 'Look.',
      command: ['kubectl', 'get', 'printed'],
      expected: all,
      count: ({ output }) => once(output === 'yes')
    })
  ],
  look: [],
  controls: [],
  ...more
})

function meshWith (...objects: KubeObject[]) {
  const cluster = new FakeCluster(objects, ...ANSWERS)
  const options: RunOptions = {
    exercises: [exercise('one'), exercise('two')],
    namespace: 'shop',
    report: silent,
    falseAlarm: 1e-4,
    patience: 0,
    execute: cluster.execute
  }
  return { cluster, options }
}

test('exercises run one after the other, and what was there before is restored', async () => {
  const { cluster, options } = meshWith(mine)
  const summary = await runExercises(options)
  expect(summary).toMatchObject({ passed: 2, failed: 0, notJudged: 0, notRun: 0, unrestored: [], kept: [] })
  expect(summary.error).toBeUndefined()
  expect([...cluster.objects.keys()]).toEqual([USERS])
  expect(cluster.objects.get(USERS)).toMatchObject(mine)
})

test('with keep, everything stays until a reset', async () => {
  const { cluster, options } = meshWith(mine)
  await runExercises({ ...options, keep: true })
  expect([...cluster.objects.keys()].sort()).toEqual([APPLIED, SECRET].sort())
  expect(await reset(options)).toEqual({ found: true, unrestored: [], kept: [] })
  expect([...cluster.objects.keys()]).toEqual([USERS])
})

test('without anything to restore, a reset says so', async () => {
  const { options } = meshWith(mine)
  expect(await reset(options)).toEqual({ found: false, unrestored: [], kept: [] })
})

/** Does something while the cluster gets a command. */
function during (command: string, { execute }: FakeCluster, action: () => void): Execute {
  return async (name, args, options) => {
    if (args.join(' ').includes(command)) action()
    return await execute(name, args, options)
  }
}

test('an interruption ends the run, and what was there before is restored', async () => {
  const { cluster, options } = meshWith(mine)
  const abort = new AbortController()
  const execute = during(' apply -f', cluster, () => abort.abort())
  const summary = await runExercises({ ...options, execute, signal: abort.signal })
  expect(summary).toMatchObject({ error: 'The run was interrupted.', notRun: 2, results: [], unrestored: [] })
  expect([...cluster.objects.keys()]).toEqual([USERS])
})

test('a run whose lease another run has taken over ends, and leaves the restoring to the other one', async () => {
  const { cluster, options } = meshWith()
  const holder = JSON.stringify({ id: 'theirs', host: 'elsewhere', pid: 1 })
  const entries = JSON.stringify({ namespaceIsOurs: false, objects: {}, faults: [] })
  const metadata = { name: 'outfitters-companion' }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { holder, entries } }
  const takeOver = () => { cluster.put(secret) }
  const summary = await runExercises({ ...options, execute: during('get deployments ', cluster, takeOver) })
  expect(summary.error).toMatch(/^Another run is at work in namespace shop: process 1 on elsewhere\./)
  expect(summary).toMatchObject({ results: [], notRun: 2, unrestored: [] })
  expect(cluster.objects.has(SECRET)).toBe(true)
})

test('trouble that ends an exercise does not prevent the next one', async () => {
  const { options } = meshWith()
  const exercises = [exercise('one', { needs: ['prometheus'] }), exercise('two')]
  const { results, error } = await runExercises({ ...options, exercises })
  expect(results.map(({ id, verdict }) => [id, verdict])).toEqual([['one', 'error'], ['two', 'pass']])
  expect(error).toBeUndefined()
})

test('an exercise during which istiod has restarted does not fail: what did not pass is not judged', async () => {
  const { cluster, options } = meshWith()
  const status = { containerStatuses: [{ state: { running: { startedAt: new Date().toISOString() } } }] }
  const restarted = JSON.stringify({ items: [{ metadata: { name: 'istiod-1' }, status }] })
  const runWith = (exercise: Exercise, isRestarted: boolean) => {
    let asked = 0
    const execute: Execute = async (name, args, others) => {
      const command = args.join(' ')
      if (command.includes('get printed')) return { code: 0, stdout: 'no', stderr: '' }
      const isAfterwards = command.startsWith('get pods -A -l app=istiod') && ++asked > 1
      return isRestarted && isAfterwards
        ? { code: 0, stdout: restarted, stderr: '' }
        : await cluster.execute(name, args, others)
    }
    return runExercises({ ...options, exercises: [exercise], execute })
  }
  expect(await runWith(exercise('one'), false)).toMatchObject({ failed: 1, notJudged: 0 })
  const summary = await runWith(exercise('one'), true)
  expect(summary).toMatchObject({ failed: 0, notJudged: 1 })
  const disturbed = expect.stringMatching(/^istiod restarted during the exercise \(pod istiod-1\): .* again\.$/)
  expect(summary.results[0]?.unjudged).toEqual([{ id: 'printed', name: 'what is printed', disturbed }])

  const withoutAddon = exercise('two', { needs: ['prometheus'] }) // its failure has another reason
  expect(await runWith(withoutAddon, true)).toMatchObject({ failed: 1, notJudged: 0 })
})

test('after trouble that ends the run, the summary counts the exercises that did not run', async () => {
  const { cluster, options } = meshWith(mine)
  const execute: Execute = async (name, args, options) => args.join(' ').includes('create --dry-run')
    ? { code: 1, stdout: '', stderr: 'failed calling webhook' }
    : await cluster.execute(name, args, options)
  const summary = await runExercises({ ...options, execute })
  expect(summary).toMatchObject({ results: [], notRun: 2 })
  expect(summary.error).toMatch(/^Istio's injector does not answer/)
  expect([...cluster.objects.keys()]).toEqual([USERS])
})

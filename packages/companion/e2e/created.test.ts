// Namespaces that a run has created: they are deleted, unless --keep is given or they contain objects of the reader.
import { afterAll, expect, test, vi } from 'vitest'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { userObjectsIn } from '../src/cluster/namespace.ts'
import { CLI, exercise, freshNamespaces, phaseOf } from './exercises.ts'
import { interrupted, NOTHING_LEFT, PASSED } from './reader.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

const options = (namespace: string, host: string) => ['--namespace', namespace, '--host', host]

test('a namespace that the run has created is deleted even if Ctrl-C comes right after its creation', async () => {
  const namespace = fresh()
  const args = [CLI, 'ch2.retry', ...options(namespace, 'early.example')]
  expect((await interrupted('node', args, 'SIGINT', 'create namespace')).code).toBe(130)
  expect(['', 'Terminating']).toContain(await phaseOf(namespace))
})

test('a namespace that the run has created is deleted by --reset if the run was killed right after', async () => {
  const namespace = fresh()
  const args = [CLI, 'ch2.retry', ...options(namespace, 'early.example')]
  // On a busy machine, the signal can come before kubectl has started. Then there is no namespace, so it is repeated.
  await vi.waitFor(async () => {
    await interrupted('node', args, 'SIGKILL', 'create namespace')
    await vi.waitFor(async () => expect(await phaseOf(namespace)).toBe('Active'), { timeout: 10_000 })
  }, { timeout: 300_000 })
  expect(await exercise(['--reset', '--namespace', namespace])).toMatchObject({ code: 0 })
  expect(['', 'Terminating']).toContain(await phaseOf(namespace))
})

test('a namespace that the run has created stays if the reader has put something into it', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = options(namespace, 'mine.example')
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
  await kubectl.run(['create', 'configmap', 'mine'])
  const stays = `Namespace ${namespace} was created for the exercises. ` +
    'It stays, because it has objects of yours: configmap/mine'
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0, stdout: expect.stringContaining(stays) })
  expect(await userObjectsIn(kubectl, [])).toEqual(['configmap/mine'])
  expect(await exercise(['--reset', ...args])).toMatchObject(NOTHING_LEFT)
})

test('--step waits for Enter, --keep leaves the objects of the exercise, and --reset removes them', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'step.example']
  const inputEnded = { code: 3, stderr: expect.stringContaining('--step waits for Enter') }
  expect(await exercise(['ch2.gateway', '--step', ...args], '\n')).toMatchObject(inputEnded) // there are more steps

  const kept = await exercise(['ch2.gateway', '--step', '--keep', ...args], '\n\n\n\n')
  const advice = `To restore what was there before: npm run exercise -- --reset ${args.join(' ')}`
  expect(kept).toMatchObject({ ...PASSED, stdout: expect.stringContaining(advice) })
  const [route] = await kubectl.objects(['virtualservices', 'webapp-virtualservice'])
  expect(route).toMatchObject({ spec: { hosts: ['step.example'] } })

  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
  expect(await kubectl.objects(['gateways.networking.istio.io'])).toEqual([])
})

test('a run with --keep does not inherit changes from the run before it', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'changed.example']
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
  await kubectl.run(['set', 'env', 'deployment/catalog', 'LEFT=over'])
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
  expect(JSON.stringify(await kubectl.objects(['deployment', 'catalog']))).not.toContain('LEFT')
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
})

// After an interrupted run, everything that a reader had in the namespace is restored.
import { afterAll, expect, test } from 'vitest'
import { CLI, exercise, freshNamespaces } from './exercises.ts'
import { interrupted, NOTHING_LEFT, readersNamespace } from './reader.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

const namespace = fresh()
const host = ['--namespace', namespace, '--host', 'interrupted.example']
const { everything } = readersNamespace(namespace)

const INTERRUPTED = { code: 130, said: expect.stringContaining('The run was interrupted') }
const RESTORED = {
  code: 0,
  stdout: expect.stringContaining(`Namespace ${namespace} is as it was before the exercises.`)
}

test('everything is restored after Ctrl-C during an exercise', async () => {
  const before = await everything()
  const { said } = await interrupted('npm', ['run', 'exercise', '--', 'ch2.retry', ...host], 'SIGINT')
  expect(said).toMatch(/The run was interrupted[^]*ch2\.retry +not run[^]*0 passed, 0 failed, 1 not run/)
  expect(await everything()).toEqual(before)
})

test('everything is restored after Ctrl-C while a command runs during the load', async () => {
  const before = await everything()
  const when = 'scripts/canary.sh -n'
  expect(await interrupted('node', [CLI, 'ch5.canary', ...host], 'SIGINT', when)).toEqual(INTERRUPTED)
  expect(await everything()).toEqual(before)
})

test('everything is restored after SIGTERM', async () => {
  const before = await everything()
  expect(await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGTERM')).toEqual(INTERRUPTED)
  expect(await everything()).toEqual(before)
})

test('after SIGKILL, --reset restores everything', async () => {
  const before = await everything()
  await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGKILL')
  expect(await everything()).not.toEqual(before)
  expect(await exercise(['--reset', ...host])).toMatchObject(RESTORED)
  expect(await everything()).toEqual(before)
  expect(await exercise(['--reset', ...host])).toMatchObject(NOTHING_LEFT)
})

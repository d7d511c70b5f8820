import { expect, test } from 'vitest'
import { activeFaults, clearFaults } from '../src/cluster/chaos.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { answering } from './fake-kubectl.ts'

test.each([
  ['answers with a page', { stdout: '<html>' }],
  ['has no such route', { code: 22 }],
  ['has no curl', { code: 127, stderr: 'curl: not found' }]
])('a pod of another image that %s has no faults', async (_what, answer) => {
  const pod = { kind: 'Pod', metadata: { name: 'catalog-1', labels: { app: 'catalog' } } }
  const execute = answering([/get pods/, { stdout: { items: [pod] } }], [/exec catalog-1/, answer])
  expect(await activeFaults(new Kubectl('shop', { execute }))).toEqual([])
})

test('faults count as deleted if the pod is of another image, but not if it did not answer in time', async () => {
  const pod = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'catalog-1', labels: { app: 'catalog' } } }
  const clear = (stderr: string) => {
    const execute = answering([/exec catalog-1/, { code: 1, stderr }])
    return clearFaults(new Kubectl('shop', { execute }), [pod])
  }
  await expect(clear('curl: not found')).resolves.toBeUndefined()
  await expect(clear('Error from server: error dialing backend: i/o timeout'))
    .rejects.toThrow('The faults of pod catalog-1 cannot be deleted')
})

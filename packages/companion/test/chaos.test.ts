import { expect, test } from 'vitest'
import { activeFaults } from '../src/cluster/chaos.ts'
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

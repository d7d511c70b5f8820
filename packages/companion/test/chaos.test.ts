import { afterEach, expect, test } from 'vitest'
import { activeFaults } from '../src/cluster/chaos.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { fakeKubectl } from './fake-kubectl.ts'

let undo = () => {}
afterEach(() => undo())

test.each([
  ['answers with a page', { stdout: '<html>' }],
  ['has no such route', { code: 22 }],
  ['has no curl', { code: 127, stderr: 'curl: not found' }]
])('a pod with another image that %s has no faults', async (_what, answer) => {
  const pod = { kind: 'Pod', metadata: { name: 'catalog-1', labels: { app: 'catalog' } } }
  undo = fakeKubectl([/get pods/, { stdout: { items: [pod] } }], [/exec catalog-1/, answer])
  expect(await activeFaults(new Kubectl('shop'))).toEqual([])
})

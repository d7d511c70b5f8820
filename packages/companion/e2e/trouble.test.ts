// If the exercises cannot run in a cluster, the companion says why, and what to do.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { CLI } from './exercises.ts'
import { freshName } from './exercises.ts'
import { apply } from './mesh.ts'

const namespace = freshName()
const kubectl = new Kubectl(namespace)
const chaos = (...env: string[]) => command('env', [...env, 'node', CLI, 'ch2.chaos', '--namespace', namespace])

beforeAll(async () => { await kubectl.tryCluster(['create', 'namespace', namespace]) })
afterAll(async () => { await kubectl.tryCluster(['delete', 'namespace', namespace, '--wait=false']) })

test('if the cluster does not answer, the companion gives the reason and the way to another cluster', async () => {
  const kubeconfig = join(mkdtempSync(join(tmpdir(), 'kubeconfig-')), 'config')
  writeFileSync(kubeconfig, JSON.stringify({
    clusters: [{ name: 'gone', cluster: { server: 'https://127.0.0.1:9' } }],
    users: [{ name: 'gone', user: { token: 'none' } }],
    contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'gone' } }],
    'current-context': 'gone'
  }))
  const refused = /The cluster of the context gone does not answer: .*refused[^]*kubectl config use-context/
  expect(await chaos(`KUBECONFIG=${kubeconfig}`)).toMatchObject({ code: 3, stderr: expect.stringMatching(refused) })
})

test('the companion says how to label a namespace without injection, and how to restart its old pods', async () => {
  await apply(kubectl, '.')
  await waitForRollout(kubectl, ['catalog', 'webapp', 'forum'])
  const notInjected = /get no proxy: the namespace is not injected\.\nLabel it: kubectl label namespace/
  expect(await chaos()).toMatchObject({ code: 3, stderr: expect.stringMatching(notInjected) })
  await kubectl.tryCluster(['label', 'namespace', namespace, 'istio-injection=enabled'])
  const oldPods = /have no proxy, although new ones would get one: .*catalog-[^]*rollout restart deployment/
  expect(await chaos()).toMatchObject({ code: 3, stderr: expect.stringMatching(oldPods) })
})

test('if an image does not exist, the message says how to build and load it', async () => {
  await kubectl.run(['create', 'deployment', 'nowhere', '--image=localhost/outfitters/nowhere:dev'])
  const image = 'localhost/outfitters/nowhere:dev'
  await expect(waitForRollout(kubectl, ['nowhere'])).rejects.toThrow(new RegExp(
    `The image ${image} of pod nowhere-.* cannot be pulled \\(ImagePullBackOff\\)\\.\nnpm run images -- --load`))
})

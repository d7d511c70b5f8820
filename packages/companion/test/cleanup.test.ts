// Before each exercise, the namespace has what the exercise needs and nothing else that could affect it.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Kubectl, type Execute, type KubeObject } from '../src/cluster/kubectl.ts'
import { keyOf } from '../src/cluster/manifests.ts'
import { Cleanup, podLabelsOf } from '../src/run/cleanup.ts'
import { Snapshot } from '../src/run/snapshot.ts'
import { FakeCluster } from './fake-cluster.ts'
import type { Answer } from './fake-kubectl.ts'

const KINDS = /^api-resources --categories=gateway-api/

const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name }, ...rest })

const pod = (name: string, app: string, owner?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app }, ownerReferences: owner === undefined ? [] : [{ uid: owner }] },
  status: { phase: 'Running' }
})

const deployment = (name: string, app: string, image = 'v1') => object('apps/v1', 'Deployment', name, {
  spec: { image, selector: { matchLabels: { app } }, template: { metadata: { labels: { app } } } }
})

const ROUTES = object('networking.istio.io/v1', 'VirtualService', 'catalog')
const RULE = object('networking.istio.io/v1', 'DestinationRule', 'catalog')
const CATALOG = deployment('catalog', 'catalog')
const MINE = deployment('mine', 'mine')

const key = (object: KubeObject) => keyOf(object, 'shop')

/** Removes everything except these objects, and then replaces those that differ. */
async function prepare (cleanup: Cleanup, ...objects: KubeObject[]) {
  const { present, waitUntilForgotten } = await cleanup.removeExcept(new Set(objects.map(key)))
  await cleanup.replaceDiffering(objects, 'services/catalog.yaml', present)
  await waitUntilForgotten()
}

/** A cleanup of a cluster with these objects, before any command. */
async function cleanupOf (objects: KubeObject[], ...answers: Answer[]) {
  const cluster = new FakeCluster(objects, ...answers, [KINDS, { stdout: '' }])
  const snapshot = await Snapshot.begin(cluster.kubectl(), { namespaceIsOurs: false })
  const cleanup = new Cleanup(cluster.kubectl(), snapshot)
  cluster.commands.splice(0)
  const changes = () => cluster.commands.filter(command =>
    /^(delete|replace)/.test(command) && !command.includes('jsonpath=')) // those write the snapshot
  return { cluster, snapshot, cleanup, changes }
}

test('objects of Istio and of the store that are not wanted are recorded, then deleted', async () => {
  const { cluster, snapshot, cleanup } = await cleanupOf([ROUTES, RULE, CATALOG, MINE])
  await cleanup.removeExcept(new Set([key(RULE)]))
  expect(cluster.objects.has(key(ROUTES))).toBe(false)
  expect(cluster.objects.has(key(CATALOG))).toBe(false)
  expect(cluster.objects.has(key(RULE))).toBe(true)
  expect(cluster.objects.has(key(MINE))).toBe(true)
  expect([...snapshot.originals.keys()].sort()).toEqual([key(CATALOG), key(RULE), key(ROUTES)].sort())
})

test('nothing is deleted if everything is wanted', async () => {
  const { cleanup, changes } = await cleanupOf([ROUTES, CATALOG])
  await cleanup.removeExcept(new Set([key(ROUTES), key(CATALOG)]))
  expect(changes()).toEqual([])
})

test('what an exercise applied is deleted when the next one does not need it', async () => {
  const { cluster, snapshot, cleanup, changes } = await cleanupOf([])
  const mine = object('v1', 'ConfigMap', 'settings')
  await cleanup.markApplied([key(mine)])
  cluster.put(mine)
  await cleanup.removeExcept(new Set())
  expect(cluster.objects.has(key(mine))).toBe(false)
  expect(snapshot.created).toEqual([key(mine)])
  cluster.commands.splice(0)
  await cleanup.removeExcept(new Set())
  expect(changes()).toEqual([])
})

test('a command can create what the user had under the same name: only the user\'s object is deleted', async () => {
  const { cluster, cleanup, changes } = await cleanupOf([RULE])
  await cleanup.markApplied([key(RULE), key(ROUTES)])
  await cleanup.deleteOriginals([key(RULE), key(ROUTES)])
  expect(cluster.objects.has(key(RULE))).toBe(false)
  expect(changes()).toEqual(['delete destinationrule.networking.istio.io/catalog --ignore-not-found'])
})

test('the user\'s Deployment is replaced by the one of the exercise', async () => {
  const { cluster, cleanup, changes } = await cleanupOf([CATALOG])
  await prepare(cleanup, deployment('catalog', 'catalog', 'v2'), RULE)
  expect(changes()).toEqual(['replace --save-config -f -'])
  expect(cluster.objects.get(key(CATALOG))).toMatchObject({ spec: { image: 'v2' } })
})

test('an object with another selector is created anew', async () => {
  const { cluster, cleanup, changes } = await cleanupOf([deployment('catalog', 'other')])
  await prepare(cleanup, CATALOG)
  expect(changes()).toEqual(['delete deployment.apps/catalog --ignore-not-found'])
  expect(cluster.commands).toContain('create --save-config -f -')
})

test('a Service of the companion is replaced once, after a command has changed it', async () => {
  const { cluster, cleanup, changes } = await cleanupOf([])
  const service = object('v1', 'Service', 'catalog')
  await prepare(cleanup, service)
  cluster.put(service)
  await prepare(cleanup, service)
  expect(changes()).toEqual([])
  cleanup.markChanged([key(service)])
  await prepare(cleanup, service)
  await prepare(cleanup, service)
  expect(changes()).toEqual(['replace --save-config -f -'])
})

test('a Deployment that a command has changed is deleted, so that the exercise makes it again', async () => {
  const { cluster, cleanup, changes } = await cleanupOf([])
  await prepare(cleanup, CATALOG)
  cluster.put(CATALOG)
  cleanup.markChanged([key(CATALOG)])
  await prepare(cleanup, CATALOG)
  expect(changes()).toEqual(['delete deployment.apps/catalog --ignore-not-found'])
  cluster.put(CATALOG)
  await prepare(cleanup, CATALOG)
  expect(changes()).toHaveLength(1)
})

describe('a Deployment of the store that is not wanted', () => {
  const owned = [
    { ...CATALOG, metadata: { name: 'catalog', uid: 'd', generation: 1 } },
    object('apps/v1', 'ReplicaSet', 'catalog-1', {
      metadata: { name: 'catalog-1', uid: 'r', ownerReferences: [{ uid: 'd' }] }
    }),
    pod('catalog-1-a', 'catalog', 'r')
  ] as const
  const counts = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }

  test('is deleted with its pods, which get hardly any grace, and the next exercise waits for their end', async () => {
    const [deployment, ...rest] = owned
    const { cluster, cleanup, changes } = await cleanupOf([{ ...deployment, status: counts }, ...rest])
    await prepare(cleanup)
    expect(changes()).toEqual([
      'delete deployment.apps/catalog replicaset.apps/catalog-1 pod/catalog-1-a ' +
      '--cascade=orphan --grace-period=1 --wait=false --ignore-not-found'
    ])
    expect(cluster.commands.at(-1))
      .toBe('wait --for=delete deployment.apps/catalog replicaset.apps/catalog-1 pod/catalog-1-a --timeout=60s')
  })

  test('takes its pods with it, so that no new one is left over, if it has not rolled out', async () => {
    const [deployment, ...rest] = owned
    const { cleanup, changes } = await cleanupOf(
      [{ ...deployment, status: { ...counts, updatedReplicas: 0 } }, ...rest])
    await prepare(cleanup)
    expect(changes()).toEqual(['delete deployment.apps/catalog --ignore-not-found'])
  })
})

// A deletion that goes on would disturb the restoration.
test('after an error, a removal ends only when all of its deletions have ended', async () => {
  const late = { code: 1, stderr: 'error dialing backend: i/o timeout' }
  const { cluster, snapshot } = await cleanupOf([ROUTES, pod('catalog-1', 'catalog')], [/exec catalog-1/, late])
  let deleted = false
  const execute: Execute = async (name, args, options) => {
    const isDeletion = args.includes('delete')
    if (isDeletion) await sleep(50)
    const result = await cluster.execute(name, args, options)
    deleted ||= isDeletion
    return result
  }
  const cleanup = new Cleanup(new Kubectl('shop', { execute }), snapshot)
  await expect(cleanup.removeExcept(new Set())).rejects.toThrow('The faults of pod catalog-1 cannot be deleted')
  expect(deleted).toBe(true)
})

test('faults are looked for in the first exercise, and after one that has set some', async () => {
  const { cluster, cleanup } = await cleanupOf([pod('catalog-1', 'catalog'), pod('mine', 'mine')], [/^exec/, {}])
  const deletions = () => cluster.commands.filter(command => command.includes('DELETE'))
  const deletion = 'exec catalog-1 -c catalog -- curl -sf -X DELETE localhost:3000/blowup'
  await prepare(cleanup)
  expect(deletions()).toEqual([deletion])
  await prepare(cleanup)
  expect(deletions()).toEqual([deletion])
  cleanup.markFaults()
  await prepare(cleanup)
  expect(deletions()).toEqual([deletion, deletion])
})

test('what an exercise is going to change is recorded in the same write as what is removed', async () => {
  const { cluster, cleanup, snapshot } = await cleanupOf([ROUTES, MINE])
  await cleanup.removeExcept(new Set(), [key(RULE), 'shop:configmap/settings'])
  expect(cluster.commands.filter(command => command.includes('jsonpath='))).toHaveLength(1)
  expect(cluster.commands).toContain('get configmap/settings --show-managed-fields --ignore-not-found -o json')
  expect(snapshot.created).toEqual([key(RULE), 'shop:configmap/settings'])
})

test('the next exercise begins only when the webapp\'s proxy no longer has the deleted routes', async () => {
  const dump = (...routes: string[]) => ({ stdout: routes.map(route => `/namespaces/shop/${route}"`).join('\n') })
  const { cluster, cleanup } = await cleanupOf([ROUTES, pod('webapp-1', 'webapp')], [/DELETE/, {}],
    [/exec webapp-1 -c istio-proxy/, { ...dump('virtual-service/catalog'), then: dump('virtual-service/other') }])
  await prepare(cleanup)
  expect(cluster.commands.filter(command => command.includes('config_dump'))).toHaveLength(2)
})

test('the labels of pods are those of the template', () => {
  expect(podLabelsOf(CATALOG)).toEqual({ app: 'catalog' })
  expect(podLabelsOf(object('apps/v1', 'Deployment', 'bare', { spec: { template: {} } }))).toEqual({})
})

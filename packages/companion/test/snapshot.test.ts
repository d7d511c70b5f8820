import { describe, expect, test } from 'vitest'
import type { KubeObject } from '../src/cluster/kubectl.ts'
import { managerFor } from '../src/cluster/namespace.ts'
import { asApplied, difference, Snapshot } from '../src/run/snapshot.ts'
import { FakeCluster } from './fake-cluster.ts'

const service = (name: string, metadata: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, ...metadata }, spec: { ports: [80] } })

describe('an object as it was applied', () => {
  test('has no fields of the API server and its controllers', () => {
    const added = { uid: 'u', resourceVersion: '7', creationTimestamp: 'now', generation: 2, managedFields: [] }
    const annotations = { mine: 'yes', 'deployment.kubernetes.io/revision': '3' }
    const object = { ...service('catalog', { ...added, labels: { app: 'catalog' }, annotations }), status: {} }
    expect(asApplied(object))
      .toEqual(service('catalog', { labels: { app: 'catalog' }, annotations: { mine: 'yes' } }))
  })

  test('has no annotations if only controllers made them', () => {
    const annotations = { 'deployment.kubernetes.io/revision': '3' }
    expect(asApplied(service('catalog', { annotations })).metadata['annotations']).toBeUndefined()
  })
})

describe('the difference between two objects', () => {
  test('is empty if they are equal', () => {
    expect(difference(service('catalog', { labels: {} }), service('catalog', { labels: {} }))).toEqual([])
  })

  test('adds and removes whole fields, and those of the metadata one by one', () => {
    const before = { ...service('catalog', { labels: { a: '1' }, annotations: { b: '2' } }), extra: true }
    const after = { ...service('catalog', { labels: { a: '3' } }), spec: { ports: [81] } }
    expect(difference(before, after)).toEqual([
      { op: 'add', path: '/metadata/labels', value: { a: '3' } },
      { op: 'remove', path: '/metadata/annotations' },
      { op: 'add', path: '/spec', value: { ports: [81] } },
      { op: 'remove', path: '/extra' }
    ])
  })
})

describe('a snapshot', () => {
  test('records objects once, and writes them into the cluster before anything is changed', async () => {
    const cluster = new FakeCluster([service('catalog')])
    const snapshot = await Snapshot.begin(cluster.kubectl(), { namespaceIsOurs: false })
    await snapshot.remember(['shop:service/catalog', 'shop:service/forum'])
    expect(['catalog', 'forum'].map(name => snapshot.hasOriginal(`shop:service/${name}`))).toEqual([true, false])
    expect(snapshot.created).toEqual(['shop:service/forum'])
    cluster.put({ ...service('catalog'), spec: { ports: [1] } })
    await snapshot.remember(['shop:service/catalog'])
    expect(snapshot.originals.get('shop:service/catalog')).toMatchObject(service('catalog'))

    snapshot.abandon()
    const secret = cluster.objects.get('shop:secret/outfitters-companion')
    const entries = JSON.parse(Buffer.from(secret?.data?.['entries'] ?? '', 'base64').toString()) as object
    expect(entries).toMatchObject({
      namespaceIsOurs: false,
      objects: { 'shop:service/catalog': { spec: { ports: [80] } }, 'shop:service/forum': null },
      faults: []
    })
  })

  test('does not take an object of the exercises in another namespace, while those run', async () => {
    const managedFields = [{ manager: managerFor('other') }]
    const shared = service('telemetry', { namespace: 'istio-system', managedFields })
    const cluster = new FakeCluster([shared])
    const snapshot = await Snapshot.begin(cluster.kubectl(), { namespaceIsOurs: true })
    const key = 'istio-system:service/telemetry'
    const others = await Snapshot.begin(cluster.kubectl('other'), { namespaceIsOurs: true })
    await expect(snapshot.remember([key])).rejects.toThrow(
      'Service telemetry in namespace istio-system belongs to the exercises in namespace other. ' +
      'Wait until they have ended. If their run was killed, clean up after it: ' +
      'npm run exercise -- --reset --namespace other')
    await others.delete({ withNamespace: false })
    await snapshot.remember([key])
    expect(snapshot.created).toEqual([key])
    snapshot.abandon()
  })

  test('of an older version can be taken over', async () => {
    const objects = { 'shop:service/catalog': null }
    const entries = { namespaceIsOurs: true, objects, faults: [], images: { catalog: 'a:1' } }
    const cluster = new FakeCluster([{
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'outfitters-companion' },
      stringData: { beat: '2026-01-01', entries: JSON.stringify(entries) }
    }])
    const snapshot = await Snapshot.takeOver(cluster.kubectl(), { note: () => {} }) as Snapshot
    expect([snapshot.namespaceIsOurs, snapshot.created, snapshot.images])
      .toEqual([true, ['shop:service/catalog'], { catalog: 'a:1' }])
    snapshot.abandon()
  })
})

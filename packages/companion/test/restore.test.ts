import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Kubectl, type Execute, type KubeObject } from '../src/cluster/kubectl.ts'
import { restore } from '../src/run/restore.ts'
import { Snapshot } from '../src/run/snapshot.ts'
import { FakeCluster } from './fake-cluster.ts'

const SECRET = 'shop:secret/outfitters-companion'

const object = (kind: string, name: string, rest: object = {}): KubeObject =>
  ({ apiVersion: kind === 'Deployment' ? 'apps/v1' : 'v1', kind, metadata: { name }, ...rest })

const CATALOG = object('Service', 'catalog', { spec: { ports: [80] } })

async function snapshotOf (cluster: FakeCluster, keys: string[], namespaceIsOurs = false): Promise<Snapshot> {
  const snapshot = await Snapshot.begin(cluster.kubectl(), { namespaceIsOurs })
  await snapshot.remember(keys)
  cluster.commands.splice(0)
  return snapshot
}

test('new objects are deleted, changed objects are patched, and missing objects are created again', async () => {
  const cluster = new FakeCluster([CATALOG, object('Service', 'webapp')])
  const snapshot = await snapshotOf(cluster, ['shop:service/catalog', 'shop:service/webapp', 'shop:service/new'])
  cluster.put({ ...CATALOG, spec: { ports: [81] } })
  cluster.put(object('Service', 'new'))
  cluster.objects.delete('shop:service/webapp')
  expect(await restore(snapshot)).toEqual({ unrestored: [], kept: [] })
  expect([...cluster.objects.keys()].sort()).toEqual(['shop:service/catalog', 'shop:service/webapp'])
  expect(cluster.objects.get('shop:service/catalog')).toMatchObject(CATALOG)
  expect(cluster.commands.map(command => command.replace(/=\/tmp.*/, '')).slice(1)).toEqual([
    'delete service/new --ignore-not-found --wait=false',
    'get service/catalog service/webapp --ignore-not-found -o json',
    'create -f -',
    'get service/catalog service/webapp --ignore-not-found -o json',
    'patch service/catalog --type=json --patch-file',
    'delete secret outfitters-companion --ignore-not-found'
  ])
})

test('an object whose immutable field has changed is deleted and created again', async () => {
  const before = object('Deployment', 'catalog', { spec: { selector: { app: 'catalog' }, replicas: 1 } })
  const cluster = new FakeCluster([before])
  const snapshot = await snapshotOf(cluster, ['shop:deployment.apps/catalog'])
  cluster.put(object('Deployment', 'catalog', { spec: { selector: { app: 'other' }, replicas: 1 } }))
  expect(await restore(snapshot)).toEqual({ unrestored: [], kept: [] })
  expect(cluster.commands).toContain('delete deployment.apps/catalog --ignore-not-found')
  expect(cluster.objects.get('shop:deployment.apps/catalog')).toMatchObject(before)
})

test('an object that is still being deleted is created again once it is gone', async () => {
  const before = object('Deployment', 'catalog', { spec: { replicas: 1 } })
  const cluster = new FakeCluster([before])
  const execute: Execute = async (name, args, options) => {
    if (args.includes('--for=delete')) cluster.objects.delete('shop:deployment.apps/catalog')
    return await cluster.execute(name, args, options)
  }
  const snapshot = await Snapshot.begin(new Kubectl('shop', { execute }), { namespaceIsOurs: false })
  await snapshot.remember(['shop:deployment.apps/catalog'])
  cluster.put({ ...before, metadata: { name: 'catalog', deletionTimestamp: '2026-01-31T00:00:00Z' } })
  expect(await restore(snapshot)).toEqual({ unrestored: [], kept: [] })
  expect(cluster.objects.get('shop:deployment.apps/catalog')).toMatchObject(before)
  expect(cluster.objects.get('shop:deployment.apps/catalog')?.metadata).not.toHaveProperty('deletionTimestamp')
})

test('after an error, the rest is still restored, and the snapshot stays for another attempt', async () => {
  const cluster = new FakeCluster([CATALOG], [/delete service\/new/, { code: 1, stderr: 'Forbidden' }])
  const snapshot = await snapshotOf(cluster, ['shop:service/catalog', 'shop:service/new'])
  cluster.put({ ...CATALOG, spec: { ports: [81] } })
  const { unrestored } = await restore(snapshot)
  expect(unrestored).toEqual([expect.stringContaining('Forbidden')])
  expect(cluster.objects.get('shop:service/catalog')).toMatchObject(CATALOG)
  expect(cluster.objects.has(SECRET)).toBe(true)
})

const KINDS = /^api-resources --namespaced/

test('a namespace that the companion made is deleted', async () => {
  const cluster = new FakeCluster([], [KINDS, { stdout: 'pods\n' }])
  const snapshot = await snapshotOf(cluster, ['shop:pod/mine'], true)
  cluster.put(object('Pod', 'mine'))
  expect(await restore(snapshot)).toEqual({ unrestored: [], kept: [] })
  expect(cluster.commands.at(-1)).toBe('delete namespace shop --wait=false')
})

test('a namespace that the companion made stays if the user has put something into it', async () => {
  const cluster = new FakeCluster([], [KINDS, { stdout: 'pods\n' }])
  const snapshot = await snapshotOf(cluster, [], true)
  cluster.put(object('Pod', 'theirs'))
  expect(await restore(snapshot)).toEqual({ unrestored: [], kept: ['pod/theirs'] })
  expect([...cluster.objects.keys()]).toEqual(['shop:pod/theirs'])
})

test('the folder of the run is removed, but no other folder that the Secret may name', async () => {
  const folders = ['outfitters-', 'precious-'].map(prefix => mkdtempSync(join(tmpdir(), prefix)))
  for (const folder of folders) {
    const snapshot = await snapshotOf(new FakeCluster(), [])
    await snapshot.saveFolder(folder)
    await restore(snapshot)
  }
  expect(folders.map(folder => existsSync(folder))).toEqual([false, true])
})

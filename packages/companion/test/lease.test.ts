import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { Lease } from '../src/run/lease.ts'
import { FakeCluster } from './fake-cluster.ts'

const KEY = 'shop:secret/outfitters-companion'
const quiet = { note: () => {} }

const holderIn = (cluster: FakeCluster) => {
  const { holder } = cluster.objects.get(KEY)?.data ?? {}
  return holder === undefined ? undefined : JSON.parse(Buffer.from(holder, 'base64').toString()) as object
}

test('a lease names its holder until it is released', async () => {
  const cluster = new FakeCluster()
  const lease = await Lease.acquire(cluster.kubectl(), { some: 'entry' })
  expect(holderIn(cluster)).toMatchObject({ host: hostname(), pid: process.pid })
  await lease.release()
  expect(holderIn(cluster)).toBeUndefined()
  expect(cluster.objects.get(KEY)?.data?.['entries']).toBeDefined()
})

test('a lease can be taken over, with its entries, after it was released', async () => {
  const cluster = new FakeCluster()
  await (await Lease.acquire(cluster.kubectl(), { some: 'entry' })).release()
  const next = await Lease.takeOver<{ some: string }>(cluster.kubectl(), quiet)
  expect(next?.entries).toEqual({ some: 'entry' })
  next?.stopRenewing()
})

test('in a namespace without a lease, nothing is taken over', async () => {
  expect(await Lease.takeOver(new FakeCluster().kubectl(), quiet)).toBeUndefined()
})

test('two runs cannot acquire a lease at the same time', async () => {
  const cluster = new FakeCluster()
  const first = await Lease.acquire(cluster.kubectl(), {})
  await expect(Lease.acquire(cluster.kubectl(), {})).rejects.toThrow(
    `Another run is at work in namespace shop: process ${process.pid} on ${hostname()}.\nWait until it has ended`)
  first.stopRenewing()
})

test('a lease is lost when another run has written it, and then no command runs', async () => {
  const cluster = new FakeCluster()
  const lease = await Lease.acquire(cluster.kubectl(), {})
  const holder = JSON.stringify({ id: 'theirs', host: 'elsewhere', pid: 1 })
  const metadata = { name: 'outfitters-companion' }
  cluster.put({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { holder, entries: '{}' } })
  await expect(lease.save()).rejects.toThrow('process 1 on elsewhere')
  expect(lease.lost.aborted).toBe(true)
  await expect(lease.kubectl.run(['get', 'pods'])).rejects.toThrow('Another run is at work')
})

test('a lease is not lost when our own write succeeded but its answer did not arrive', async () => {
  const cluster = new FakeCluster()
  const lease = await Lease.acquire(cluster.kubectl(), {})
  cluster.put(cluster.objects.get(KEY) as Parameters<FakeCluster['put']>[0]) // the same holder, a newer version
  await lease.save()
  expect(lease.lost.aborted).toBe(false)
  lease.stopRenewing()
})

test('entries are written in the order of the calls, so the last call counts', async () => {
  const cluster = new FakeCluster()
  const lease = await Lease.acquire(cluster.kubectl(), { count: 0 })
  await Promise.all([1, 2, 3].map(count => {
    lease.entries.count = count
    return lease.save()
  }))
  const entries = Buffer.from(cluster.objects.get(KEY)?.data?.['entries'] ?? '', 'base64').toString()
  expect(JSON.parse(entries)).toEqual({ count: 3 })
  await lease.delete({ withNamespace: false })
  expect(cluster.objects.has(KEY)).toBe(false)
})

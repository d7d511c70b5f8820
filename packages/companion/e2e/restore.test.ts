// After the exercises, everything that a reader had in the namespace is restored.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { ensureNamespace } from '../src/cluster/preflight.ts'
import { CLI, cluster, exercise, freshNamespaces, textOf } from './exercises.ts'
import { applyWithHost, NOTHING_FAILED } from './mesh.ts'
import { CATALOG, during, readersNamespace } from './reader.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

const namespace = fresh()
const host = ['--namespace', namespace, '--host', 'reader.example']
const { kubectl, everything } = readersNamespace(namespace)

test('everything is restored after exercises that pass', async () => {
  const before = await everything()
  expect(before.faults).toEqual([['catalog', 'v1'], ['catalog', 'v1'], ['catalog', 'v2'], ['webapp', 'v1']]
    .map(([app, version]) => expect.stringMatching(`"app":"${app}","version":"${version}","rules":.*"latencyMs":7`)))
  const { code, stdout } = await exercise(['ch2.route-v1', 'ch2.retry', ...host])
  expect([code, stdout]).toEqual([NOTHING_FAILED, expect.stringContaining(' passed, 0 failed')])
  expect(await everything()).toEqual(before)

  await kubectl.applyText(CATALOG) // the reader's next apply still keeps what the reader scaled by hand
  expect(await kubectl.objects(['deployment/catalog', 'deployment/webapp'])).toMatchObject([
    { spec: { replicas: 2 } },
    { spec: { selector: { matchLabels: { app: 'webapp' } } } }
  ])
})

test('everything is restored although the reader chose another context during the run', async () => {
  const before = await everything()
  const file = join(mkdtempSync(join(tmpdir(), 'kubeconfig-')), 'config')
  const config = (...args: string[]) => cluster.tryCluster(['config', '--kubeconfig', file, ...args])
  await command('sh', ['-c', `umask 077; kubectl config view --raw --flatten > ${file}`])
  await config('set-context', 'elsewhere', '--cluster=elsewhere')
  const { code } = await during('node', [CLI, 'ch2.route-v1', ...host], () => config('use-context', 'elsewhere'), {
    when: textOf('ch2.route-v1', 'apply-catalog-virtualservice-all-v1'),
    env: { ...process.env, KUBECONFIG: file }
  })
  expect([code, (await config('current-context')).stdout.trim()]).toEqual([NOTHING_FAILED, 'elsewhere'])
  expect(await everything()).toEqual(before)
})

test('of two runs that begin at once, one runs, and the other is refused', async () => {
  const before = await everything()
  const runs = await Promise.all([exercise(['ch2.dark-launch', ...host]), exercise(['ch2.dark-launch', ...host])])
  const refused = runs.findIndex(({ code }) => code === 3)
  expect(runs.map(({ code }) => code).toSpliced(refused, 1)).toEqual([NOTHING_FAILED])
  expect(runs[refused]?.stderr).toContain(`Another run is at work in namespace ${namespace}`)
  expect(await everything()).toEqual(before)
})

test('a run is refused if another namespace claims the same host at the gateway', async () => {
  const other = fresh()
  const theirs = new Kubectl(other)
  await ensureNamespace(theirs)
  await applyWithHost(theirs, 'istio/ch2/ingress-gateway.yaml', 'reader.example')
  const claimed = `in namespace ${other} claims the host reader.example on the ingress gateway already`
  expect(await exercise(['ch2.gateway', ...host]))
    .toMatchObject({ code: 3, stderr: expect.stringContaining(claimed) })
})

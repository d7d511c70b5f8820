import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KubeObject } from '../src/cluster/kubectl.ts'
import type { Api } from '../src/course/twins.ts'
import { hasReadyPods, type Pod } from '../src/cluster/workloads.ts'
import { Environment } from '../src/run/environment.ts'
import { silent } from '../src/run/reporter.ts'
import { Snapshot } from '../src/run/snapshot.ts'
import { FakeCluster } from './fake-cluster.ts'
import { failingKubectl, INGRESS, type Answer } from './fake-kubectl.ts'

beforeAll(() => failingKubectl())
beforeEach(() => { vi.stubEnv('OUTFITTERS_IMAGES', '') })

const SUBSETS = 'istio/ch2/catalog-destinationrule.yaml'
const ISTIO = 'networking.istio.io/v1'

const NO_GATEWAYS: Answer = [/^get gateways/, { stdout: { items: [] } }]
const NO_IMAGES: Answer = [/get deployments catalog webapp forum/, {}]
const NO_FAULTS: Answer = [/get pods -l app in/, { stdout: { items: [] } }]

async function environmentIn (cluster: FakeCluster, api: Api = 'istio') {
  const kubectl = cluster.kubectl()
  const snapshot = await Snapshot.begin(kubectl, { namespaceIsOurs: true })
  const output: string[] = []
  const report = { ...silent, output: (text: string) => { output.push(text) } }
  const clock = { least: 0, most: 0 }
  const ingress = api === 'istio' ? INGRESS : undefined
  const options = { kubectl, snapshot, report, api, ingress, istio: undefined, patience: 0, clock }
  const environment = new Environment(options)
  cluster.commands.splice(0)
  return { environment, snapshot, output, [Symbol.dispose]: () => snapshot.abandon() }
}

const meshWith = (objects: KubeObject[] = [], ...answers: Answer[]) =>
  new FakeCluster(objects, ...answers, NO_GATEWAYS, NO_IMAGES, NO_FAULTS)

const rule = (name: string): KubeObject => ({ apiVersion: ISTIO, kind: 'DestinationRule', metadata: { name } })

describe('preparing an exercise', () => {
  test('removes the user\'s Istio objects, and records them first', async () => {
    const cluster = meshWith([rule('mine')])
    using run = await environmentIn(cluster)
    await run.environment.prepare({ needs: [], steps: [] })
    expect(cluster.objects.has('shop:destinationrule.networking.istio.io/mine')).toBe(false)
    expect(run.snapshot.originals.get('shop:destinationrule.networking.istio.io/mine')).toMatchObject(rule('mine'))
    const changes = cluster.commands.filter(command => /^(replace|delete)/.test(command))
    expect(changes).toEqual([
      'replace -f - -o jsonpath={.metadata.resourceVersion}',
      'delete destinationrule.networking.istio.io/mine --ignore-not-found'
    ])
  })

  test('removes what the exercise before has applied', async () => {
    const cluster = meshWith()
    using run = await environmentIn(cluster)
    await run.environment.apply({ file: SUBSETS })
    expect(run.snapshot.created).toEqual(['shop:destinationrule.networking.istio.io/catalog'])
    await run.environment.prepare({ needs: [], steps: [] })
    expect(cluster.objects.has('shop:destinationrule.networking.istio.io/catalog')).toBe(false)
  })

  test('ends the exercise, not the run, if an add-on is missing', async () => {
    using run = await environmentIn(meshWith())
    await expect(run.environment.prepare({ needs: ['prometheus'], steps: [] })).rejects.toMatchObject({
      ends: 'exercise',
      message: expect.stringMatching(/^There is no prometheus in istio-system: .*\nInstall it: kubectl apply -f https:/)
    })
  })

  test('looks for an add-on again if the look failed', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'prometheus' } }
    const late = { code: 1, stderr: 'Unable to connect to the server: net/http: TLS handshake timeout' }
    using run = await environmentIn(meshWith([], [/service prometheus/, { ...late, then: { stdout: service } }]))
    const prepare = () => run.environment.prepare({ needs: ['prometheus'], steps: [] })
    await expect(prepare()).rejects.toThrow('TLS handshake timeout')
    await expect(prepare()).resolves.toBeUndefined()
  })

  test('replaces the user\'s Deployments, Pods and Services with those of the exercise', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'outside' }, spec: { containers: [] }, status: {} }
    const cluster = meshWith([pod])
    using run = await environmentIn(cluster)
    await run.environment.prepare({ needs: ['outside'], steps: [] })
    expect(cluster.commands)
      .toEqual(expect.arrayContaining(['delete pod/outside --ignore-not-found', 'create --save-config -f -']))
    expect(cluster.commands.at(-1)).toBe('wait --for=condition=Ready pod/outside --timeout=120s')
  })
})

describe('an object that an exercise needs and that already exists', () => {
  /** The fake cluster keeps no manifest, so this records it as kubectl apply does. */
  function recordManifests (cluster: FakeCluster) {
    for (const { metadata, ...object } of [...cluster.objects.values()].filter(({ kind }) => kind !== 'Secret')) {
      const { resourceVersion, ...applied } = metadata
      const manifest = { ...object, metadata: { annotations: {}, namespace: 'shop', ...applied } }
      const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(manifest)}\n` }
      const status = { conditions: [{ type: 'Ready', status: 'True' }] }
      cluster.put({ ...object, metadata: { ...applied, annotations }, status })
    }
  }
  const applies = ({ commands }: FakeCluster) => commands.filter(command => command.startsWith('apply'))
  const OUTSIDE = 'apply -f k8s/tools/outside.yaml --openapi-patch=false'
  const key = 'shop:pod/outside'

  test('is applied again if it is a Deployment whose pod was deleted just now', () => {
    const catalog = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'catalog' }, spec: {} }
    const status = { conditions: [{ type: 'Ready', status: 'True' }] }
    const pod = { metadata: { name: 'catalog-1-a' }, status } as Pod
    expect([hasReadyPods(catalog, []), hasReadyPods(catalog, [pod])]).toEqual([false, true])
  })

  test('is not applied again', async () => {
    const cluster = meshWith()
    using run = await environmentIn(cluster)
    await run.environment.prepare({ needs: ['outside'], steps: [] })
    recordManifests(cluster)
    await run.environment.prepare({ needs: ['outside'], steps: [] })
    expect(applies(cluster)).toEqual([OUTSIDE])
  })

  test.each<[string, (pod: KubeObject) => KubeObject]>([
    ['has another value', pod => ({ ...pod, spec: { ...pod['spec'] as object, enableServiceLinks: true } })],
    ['is being deleted', pod => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'now' } })],
    ['is not ready', pod => ({ ...pod, status: {} })]
  ])('is applied again if it %s', async (_what, change) => {
    const cluster = meshWith()
    using run = await environmentIn(cluster)
    await run.environment.prepare({ needs: ['outside'], steps: [] })
    recordManifests(cluster)
    cluster.put(change(cluster.objects.get(key) as KubeObject))
    await run.environment.prepare({ needs: ['outside'], steps: [] })
    expect(applies(cluster)).toEqual([OUTSIDE, OUTSIDE])
  })
})

describe('applying a file', () => {
  test('records what was there, and reports what kubectl printed', async () => {
    const cluster = meshWith([], [/apply/, { stdout: 'destinationrule.networking.istio.io/catalog created' }])
    using run = await environmentIn(cluster)
    await run.environment.apply({ file: SUBSETS })
    expect(cluster.commands).toContain(`apply -f k8s/${SUBSETS}`)
    expect(run.output).toEqual(['destinationrule.networking.istio.io/catalog created'])
  })

  test('ends the exercise if another namespace claims its host', async () => {
    const spec = { servers: [{ port: { number: 80 }, hosts: ['*'] }] }
    const theirs = { metadata: { name: 'theirs', namespace: 'other' }, spec }
    const cluster = meshWith([], [/^get gateways/, { stdout: { items: [theirs] } }])
    using run = await environmentIn(cluster)
    await expect(run.environment.apply({ file: 'istio/ch2/ingress-gateway.yaml' }))
      .rejects.toMatchObject({ ends: 'exercise', message: expect.stringContaining('claims the host *') })
    expect(cluster.commands.filter(command => command.startsWith('apply'))).toEqual([])
  })

  test('explains why the cluster refuses a field that it does not know', async () => {
    const cluster = meshWith([], [/apply/, { code: 1, stderr: 'strict decoding error: unknown field "spec.new"' }])
    using run = await environmentIn(cluster)
    await expect(run.environment.apply({ file: SUBSETS })).rejects
      .toThrow('The cluster does not know the field spec.new')
  })

  test('waits for the gateway of a Gateway API Gateway, and the next commands name that gateway', async () => {
    const cluster = meshWith()
    using run = await environmentIn(cluster, 'gateway')
    expect(run.environment.fill('GATEWAYS')).toBe('shop')
    expect(() => run.environment.fill('deploy/GATEWAY')).toThrow('before it is known')
    await run.environment.apply({ file: 'istio/ch2/ingress-gateway.yaml' })
    const name = /gateways\.gateway\.networking\.k8s\.io\/(\S+)/.exec(cluster.commands.join('\n'))?.[1]
    expect(run.environment.fill('deploy/GATEWAY')).toBe(`deployment/${name}-istio`)
    expect(run.environment.gateway.nameInTraces).toBe(`${name}-istio.shop`)
    await run.environment.prepare({ needs: [], steps: [] })
    expect(run.environment.gateway.nameInTraces).toBe('')
  })

  test('does not make the next exercise use its gateway, even if that exercise cannot be prepared', async () => {
    const cluster = meshWith([], [/get istio-io/, { code: 1, stderr: 'Forbidden' }])
    using run = await environmentIn(cluster, 'gateway')
    await run.environment.apply({ file: 'istio/ch2/ingress-gateway.yaml' })
    await expect(run.environment.prepare({ needs: [], steps: [] })).rejects.toThrow('Forbidden')
    expect(run.environment.gateway.nameInTraces).toBe('')
  })
})

test('steps in a row roll out at once, and the next one waits for all of them', async () => {
  const cluster = meshWith([], [/ scale /, {}])
  using run = await environmentIn(cluster)
  for (const name of ['webapp', 'forum']) {
    const command = ['kubectl', 'scale', `deployment/${name}`, '--replicas=2']
    await run.environment.runCommand({ command, makes: [`:deployment.apps/${name}`] })
  }
  expect(cluster.commands.filter(command => command.startsWith('rollout'))).toEqual([])
  await run.environment.waitForRollouts()
  expect(cluster.commands.slice(-3)).toEqual([
    'rollout status deployment/webapp --timeout=120s',
    'rollout status deployment/forum --timeout=120s',
    'get pods --ignore-not-found -o json'
  ])
  cluster.commands.splice(0)
  await run.environment.waitForRollouts()
  expect(cluster.commands).toEqual([])
})

describe('running a command', () => {
  const makes = ['GATEWAYS:secret/certificate']

  test('uses the namespace of the exercise, and records what it makes', async () => {
    const cluster = meshWith([], [/ scale /, { stdout: 'scaled' }])
    using run = await environmentIn(cluster)
    const command = ['kubectl', 'scale', 'deployment/forum', '--replicas=0']
    await run.environment.runCommand({ command, makes: [':deployment.apps/forum'] })
    expect(cluster.commands.at(-1)).toBe('scale deployment/forum --replicas=0')
    expect([run.snapshot.created, run.output]).toEqual([['shop:deployment.apps/forum'], ['scaled']])
  })

  test('that creates an object in another namespace replaces the user\'s, and sets the field manager', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'certificate', namespace: 'istio-system' } }
    const cluster = meshWith([secret], [/create secret/, {}])
    using run = await environmentIn(cluster)
    await run.environment.runCommand({ command: ['kubectl', '-n', 'GATEWAYS', 'create', 'secret'], makes })
    expect(run.snapshot.hasOriginal('istio-system:secret/certificate')).toBe(true)
    expect(cluster.commands.slice(-2)).toEqual([
      'delete secret/certificate --ignore-not-found',
      'create secret --field-manager=outfitters-companion.shop'
    ])
  })

  test('that fails throws an error with its exit code and what it printed', async () => {
    using run = await environmentIn(meshWith([], [/label/, { code: 3, stderr: 'no such label\n' }]))
    await expect(run.environment.runCommand({ command: ['kubectl', 'label'], makes: [] }))
      .rejects.toThrow('kubectl label ended with exit code 3: no such label')
  })

  test('makes a folder if the command needs one, records it, and removes it unless it is kept', async () => {
    for (const keepFolder of [true, false]) {
      using run = await environmentIn(meshWith([], [/get -f/, {}]))
      await run.environment.runCommand({ command: ['kubectl', 'get', '-f', 'FOLDER/ca'], makes: [] })
      const { folder = '' } = run.environment
      writeFileSync(join(folder, 'token'), 'secret\n')
      expect(run.environment.expand('Bearer $(cat FOLDER/token)')).toBe('Bearer secret')
      await run.environment.close({ keepFolder })
      expect(existsSync(folder)).toBe(keepFolder)
      run.snapshot.removeFolder()
      expect(existsSync(folder)).toBe(false)
    }
  })
})

test('the values of a file are filled in, and the reader sees how', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outfitters-'))
  writeFileSync(join(folder, 'modulus'), 'abc')
  const cluster = meshWith()
  using run = await environmentIn(cluster)
  const values = { MODULUS: join(folder, 'modulus') }
  await run.environment.apply({ file: 'istio/ch9/enduser/jwt-token-request-authn.yaml', values })
  expect(JSON.stringify([...cluster.objects.values()])).toContain('abc')
})

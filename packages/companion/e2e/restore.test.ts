// After the exercises, everything that a reader had in the namespace is restored, even if the run was interrupted.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { activeFaults } from '../src/cluster/chaos.ts'
import { command, ROOT } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { managerFor, userObjectsIn } from '../src/cluster/namespace.ts'
import { ensureNamespace } from '../src/cluster/preflight.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { CLI, cluster, exercise, freshNamespaces, phaseOf, textOf } from './exercises.ts'
import { apply, k8s, NOTHING_FAILED, withImages } from './mesh.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

const manifestOf = (service: string) => withImages(readFileSync(k8s(`services/${service}.yaml`), 'utf8'))

/** The catalog of a reader who scales it by hand: the manifest names no number of replicas. */
const CATALOG = manifestOf('catalog').replace(/^ *replicas: .*\n/m, '')

/** The webapp with the selector of the book, which matches every Pod with `app: webapp`. */
const WEBAPP = manifestOf('webapp').replace(/(matchLabels:\n *app: webapp\n) *version: v1\n/, '$1')

/** The reader's own route and rule. */
const VIRTUAL_SERVICE = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'catalog', labels: { of: 'the-reader' } },
  spec: { hosts: ['catalog'], http: [{ timeout: '3s', route: [{ destination: { host: 'catalog' } }] }] }
}
const DESTINATION_RULE = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'mine' },
  spec: { host: 'forum' }
}

/** A fault that the reader has set. */
const FAULT = { type: 'latency', name: 'mine', latencyMs: 7, percentage: 12.5 }

/** Matches a run that succeeded. */
const PASSED = { code: NOTHING_FAILED }

const restored = (namespace: string) =>
  ({ code: 0, stdout: expect.stringContaining(`Namespace ${namespace} is as it was before the exercises.`) })
const NOTHING_LEFT = { code: 0, stdout: expect.stringContaining('No run has left anything') }
const INTERRUPTED = { code: 130, said: expect.stringContaining('The run was interrupted') }

/** The outcome of a signal to the whole process group, as Ctrl-C sends it, once the run has printed `when`. */
const interrupted = (
  name: string, args: string[], signal: NodeJS.Signals, when = textOf('ch2.retry', 'retried-calls')
) => during(name, args, async group => { process.kill(group, signal) }, { when })

/** The outcome of a run if `action` happens once it has printed `when`. */
async function during (
  name: string,
  args: string[],
  action: (group: number) => Promise<unknown>,
  { when, env = process.env }: { when: string, env?: NodeJS.ProcessEnv }
) {
  const child = spawn(name, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => { said += text })
  }
  const ended = once(child, 'close') as Promise<[number | null]>
  await vi.waitFor(() => expect(said).toContain(when), { timeout: 300_000 })
  await action(-(child.pid as number))
  const [code] = await ended
  return { code, said }
}

describe('in a namespace with a store, routes and faults of the reader', () => {
  const namespace = fresh()
  const other = fresh()
  const kubectl = new Kubectl(namespace)
  const host = ['--namespace', namespace, '--host', 'reader.example']

  beforeAll(async () => {
    for (const name of [namespace, other]) await ensureNamespace(new Kubectl(name))
    await new Kubectl(other).apply(k8s('istio/ch2/ingress-gateway.yaml'))
    await apply(kubectl, '.')
    await kubectl.run(['delete', 'deployment', 'webapp'])
    await kubectl.applyText(WEBAPP)
    // kubectl apply would not remove this label from the selector
    await kubectl.run(['patch', 'service', 'forum', '--patch', '{"spec":{"selector":{"version":"v1"}}}'])
    await kubectl.applyText(CATALOG)
    await kubectl.run(['scale', 'deployment/catalog', '--replicas=2']) // the manifest does not say how many
    await kubectl.run(['set', 'env', 'deployment/catalog', 'SHOW_IMAGE=true'])
    await apply(kubectl, 'services/catalog-v2.yaml')
    for (const object of [VIRTUAL_SERVICE, DESTINATION_RULE]) await kubectl.applyText(JSON.stringify(object))
    await waitForRollout(kubectl, ['catalog', 'catalog-v2', 'webapp', 'forum'])
    for (const app of ['webapp', 'catalog']) {
      await command('scripts/chaos.sh', ['rule', JSON.stringify(FAULT), '--app', app, '-n', namespace])
    }
  })

  /** All objects of the reader without what the API server adds, and the faults in each Pod. */
  const everything = async () => {
    const objects = await kubectl.objects(['istio-io,deployments,services,serviceaccounts,configmaps'])
    const faults = await activeFaults(kubectl)
    return {
      objects: objects.map(({ kind, metadata: { name, labels, annotations }, spec }) => {
        const withoutRevision = { ...annotations as object, 'deployment.kubernetes.io/revision': '' }
        return { kind, name, labels, annotations: withoutRevision, spec }
      }),
      faults: faults.map(({ app, version, rules }) => JSON.stringify({ app, version, rules })).sort()
    }
  }

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

  test('everything is restored after Ctrl-C during an exercise', async () => {
    const before = await everything()
    const { said } = await interrupted('npm', ['run', 'exercise', '--', 'ch2.retry', ...host], 'SIGINT')
    expect(said).toMatch(/The run was interrupted[^]*ch2\.retry +not run[^]*0 passed, 0 failed, 1 not run/)
    expect(await everything()).toEqual(before)
  })

  test('everything is restored after Ctrl-C while a command runs during the load', async () => {
    const before = await everything()
    const when = 'scripts/canary.sh -n'
    expect(await interrupted('node', [CLI, 'ch5.canary', ...host], 'SIGINT', when)).toEqual(INTERRUPTED)
    expect(await everything()).toEqual(before)
  })

  test('everything is restored after SIGTERM', async () => {
    const before = await everything()
    expect(await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGTERM')).toEqual(INTERRUPTED)
    expect(await everything()).toEqual(before)
  })

  test('after SIGKILL, --reset restores everything', async () => {
    const before = await everything()
    await interrupted('node', [CLI, 'ch2.retry', ...host], 'SIGKILL')
    expect(await everything()).not.toEqual(before)
    expect(await exercise(['--reset', ...host])).toMatchObject(restored(namespace))
    expect(await everything()).toEqual(before)
    expect(await exercise(['--reset', ...host])).toMatchObject(NOTHING_LEFT)
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

  test('a Secret of the reader beside the gateway, with the name that an exercise uses, is restored', async () => {
    const system = cluster.in('istio-system')
    const secret = 'webapp-credential.reader.example'
    await system.run(['delete', 'secret', secret, '--ignore-not-found'])
    await system.run(['create', 'secret', 'generic', secret, '--from-literal=tls.crt=mine'])
    const before = await everything()
    expect(await exercise(['ch4.tls', ...host])).toMatchObject({ code: NOTHING_FAILED, stderr: '' })
    expect(await everything()).toEqual(before)
    expect(await system.objects(['secret', secret])).toMatchObject([{ data: { 'tls.crt': btoa('mine') } }])
    await system.run(['delete', 'secret', secret])
  })

  test('an object that another run has made beside the gateway is left alone', async () => {
    const system = cluster.in('istio-system')
    const theirs = new Kubectl(other)
    const telemetry = () => system.objects(['telemetry', 'outfitters-gateway'])
    const manager = `--field-manager=${managerFor(other)}`
    await system.run(['apply', '-f', k8s('istio/ch8/gateway-telemetry.yaml'), manager])
    await theirs.run(['create', 'secret', 'generic', 'outfitters-companion'])
    const { code, stdout } = await exercise(['ch8.tracing', ...host])
    const refused = 'Telemetry outfitters-gateway in namespace istio-system ' +
      `belongs to the exercises in namespace ${other}`
    expect([code, stdout]).toEqual([1, expect.stringContaining(refused)])
    expect(await telemetry()).toHaveLength(1)

    // Without the Secret, as after the deletion of that namespace, no run will restore the object.
    await theirs.run(['delete', 'secret', 'outfitters-companion'])
    expect(await exercise(['ch8.tracing', ...host])).toMatchObject(PASSED)
    expect(await telemetry()).toEqual([])
  })

  test('a run is refused if another namespace claims the same host at the gateway', async () => {
    const claimed = `in namespace ${other} claims the host * on the ingress gateway already`
    expect(await exercise(['ch2.gateway', '--namespace', namespace]))
      .toMatchObject({ code: 3, stderr: expect.stringContaining(claimed) })
  })
})

describe('a namespace that the run has created', () => {
  const options = (namespace: string, host: string) => ['--namespace', namespace, '--host', host]

  test('is deleted even if Ctrl-C comes right after its creation', async () => {
    const namespace = fresh()
    const args = [CLI, 'ch2.retry', ...options(namespace, 'early.example')]
    expect((await interrupted('node', args, 'SIGINT', 'create namespace')).code).toBe(130)
    expect(['', 'Terminating']).toContain(await phaseOf(namespace))
  })

  test('is deleted by --reset if the companion was killed right after creating it', async () => {
    const namespace = fresh()
    await interrupted('node', [CLI, 'ch2.retry', ...options(namespace, 'early.example')], 'SIGKILL', 'create namespace')
    await vi.waitFor(async () => expect(await cluster.try(['get', 'namespace', namespace])).toMatchObject({ code: 0 }))
    expect(await exercise(['--reset', '--namespace', namespace])).toMatchObject({ code: 0 })
    expect(['', 'Terminating']).toContain(await phaseOf(namespace))
  })

  test('stays if the reader has put something into it', async () => {
    const namespace = fresh()
    const kubectl = new Kubectl(namespace)
    const args = options(namespace, 'mine.example')
    expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
    await kubectl.run(['create', 'configmap', 'mine'])
    const stays = `Namespace ${namespace} was created for the exercises. ` +
      'It stays, because it has objects of yours: configmap/mine'
    expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0, stdout: expect.stringContaining(stays) })
    expect(await userObjectsIn(kubectl, [])).toEqual(['configmap/mine'])
    expect(await exercise(['--reset', ...args])).toMatchObject(NOTHING_LEFT)
  })
})

test('--step waits for Enter, --keep leaves the objects of the exercise, and --reset removes them', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'step.example']
  const inputEnded = { code: 3, stderr: expect.stringContaining('--step waits for Enter') }
  expect(await exercise(['ch2.gateway', '--step', ...args], '\n')).toMatchObject(inputEnded) // there are more steps

  const kept = await exercise(['ch2.gateway', '--step', '--keep', ...args], '\n\n\n\n')
  const advice = `To restore what was there before: npm run exercise -- --reset ${args.join(' ')}`
  expect(kept).toMatchObject({ ...PASSED, stdout: expect.stringContaining(advice) })
  const [route] = await kubectl.objects(['virtualservices', 'webapp-virtualservice'])
  expect(route).toMatchObject({ spec: { hosts: ['step.example'] } })

  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
  expect(await kubectl.objects(['gateways.networking.istio.io'])).toEqual([])
})

test('a run with --keep does not inherit changes from the run before it', async () => {
  const namespace = fresh()
  const kubectl = new Kubectl(namespace)
  const args = ['--namespace', namespace, '--host', 'changed.example']
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
  await kubectl.run(['set', 'env', 'deployment/catalog', 'LEFT=over'])
  expect(await exercise(['ch2.deploy', '--keep', ...args])).toMatchObject(PASSED)
  expect(JSON.stringify(await kubectl.objects(['deployment', 'catalog']))).not.toContain('LEFT')
  expect(await exercise(['--reset', ...args])).toMatchObject({ code: 0 })
})

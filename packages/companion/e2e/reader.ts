// A namespace with a store, routes and faults of a reader. After each run in it, everything must be as before.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { beforeAll, expect, vi } from 'vitest'
import { activeFaults } from '../src/cluster/chaos.ts'
import { command, ROOT } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { ensureNamespace } from '../src/cluster/preflight.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { textOf } from './exercises.ts'
import { apply, k8s, NOTHING_FAILED, withImages } from './mesh.ts'

const manifestOf = (service: string) => withImages(readFileSync(k8s(`services/${service}.yaml`), 'utf8'))

/** The catalog of a reader who scales it by hand: the manifest names no number of replicas. */
export const CATALOG = manifestOf('catalog').replace(/^ *replicas: .*\n/m, '')

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
export const PASSED = { code: NOTHING_FAILED }

/** Matches a `--reset` that finds nothing to restore. */
export const NOTHING_LEFT = { code: 0, stdout: expect.stringContaining('No run has left anything') }

/** Prepares the namespace before the tests of a file, and tells what is in it. */
export function readersNamespace (namespace: string) {
  const kubectl = new Kubectl(namespace)
  beforeAll(async () => {
    await ensureNamespace(kubectl)
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

  return { kubectl, everything }
}

/** The outcome of a signal to the whole process group, as Ctrl-C sends it, once the run has printed `when`. */
export const interrupted = (
  name: string, args: string[], signal: NodeJS.Signals, when = textOf('ch2.retry', 'retried-calls')
) => during(name, args, async group => { process.kill(group, signal) }, { when })

/** The outcome of a run if `action` happens once it has printed `when`. */
export async function during (
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

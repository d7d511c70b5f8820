// The manifests against a real API server and a real Istio.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { command } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { waitForPod } from '../src/cluster/workloads.ts'
import { freshName } from './exercises.ts'
import { k8s, withImages } from './mesh.ts'

interface PodSpec {
  securityContext: Record<string, unknown>
  containers: { securityContext: Record<string, unknown> }[]
}

interface Workload {
  kind: string
  spec: { template: { spec: PodSpec } }
}

const restricted = new Kubectl(`${freshName()}-restricted`)
const SERVICES = ['catalog', 'catalog-v2', 'webapp', 'forum']

beforeAll(async () => {
  await new Kubectl('default').applyText(JSON.stringify({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: restricted.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }
  }))
})
afterAll(() => new Kubectl('default').run(['delete', 'namespace', restricted.namespace, '--wait=false']))

test('every file passes the strict validation of the API server and of istioctl', async () => {
  const { code, stdout, stderr } = await command('node', ['scripts/validate.ts', '--cluster'])
  expect([code, stderr], stdout).toEqual([0, ''])
})

describe.concurrent.each(SERVICES)('the Pod of %s', service => {
  /** The Pod, after a change to it. */
  async function podWith (change: (spec: PodSpec) => void, name = service): Promise<string> {
    const manifest = await readFile(k8s(`services/${service}.yaml`), 'utf8')
    const objects = parseAllDocuments(manifest).map(document => document.toJS() as Workload)
    const deployment = objects.find(({ kind }) => kind === 'Deployment')
    const spec = { ...deployment?.spec.template.spec, serviceAccountName: 'default' } as unknown as PodSpec
    change(spec)
    return withImages(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }))
  }

  /** Whether the level `restricted` admits the Pod, after a change to it. */
  const admission = async (change: (spec: PodSpec) => void = () => {}) =>
    restricted.try(['apply', '--dry-run=server', '--filename', '-'], await podWith(change))

  test('is admitted by the Pod Security level restricted', async () => {
    expect(await admission()).toMatchObject({ code: 0 })
  })

  test.each([
    ['the user of its image', '1000', undefined],
    ['any other user, such as one of OpenShift', '1000680000', 1000680000]
  ])('runs there as %s', async (_, uid, runAsUser) => {
    const name = `${service}-${uid}`
    await restricted.applyText(await podWith(spec => {
      if (runAsUser !== undefined) spec.securityContext['runAsUser'] = runAsUser
    }, name))
    await waitForPod(restricted, name)
    expect(await restricted.run(['exec', name, '--', 'id', '-u'])).toBe(`${uid}\n`)
  })

  const eachContainer = (change: (securityContext: Record<string, unknown>) => void) => (spec: PodSpec) => {
    for (const { securityContext } of spec.containers) change(securityContext)
  }

  test.each<[string, (spec: PodSpec) => void]>([
    ['runAsNonRoot', spec => { spec.securityContext['runAsNonRoot'] = false }],
    ['seccompProfile', spec => { delete spec.securityContext['seccompProfile'] }],
    ['allowPrivilegeEscalation', eachContainer(context => { context['allowPrivilegeEscalation'] = true })],
    ['capabilities', eachContainer(context => { delete context['capabilities'] })]
  ])('is refused without its %s', async (field, spoil) => {
    const { code, stderr } = await admission(spoil)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/violates PodSecurity "restricted/)
    expect(stderr).toContain(field)
  })
})

test('istioctl kube-inject adds a proxy to a file', async () => {
  const { code, stdout } = await command('istioctl', ['kube-inject', '--filename', k8s('services/catalog.yaml')])
  expect(code).toBe(0)
  expect(stdout).toMatch(/name: istio-proxy/)
})

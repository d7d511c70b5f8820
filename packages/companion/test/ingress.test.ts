// Which gateway the exercises use: the only one of the mesh, or the one that the user names. They never guess.
import { expect, test } from 'vitest'
import { course } from '../src/course/registry.ts'
import { NEEDS, usesGateway } from '../src/course/exercise.ts'
import { findGateway } from '../src/cluster/gateway.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { readManifest } from '../src/cluster/manifests.ts'
import { claimingGateways } from '../src/cluster/preflight.ts'
import { silent } from '../src/run/reporter.ts'
import { Environment } from '../src/run/environment.ts'
import type { Snapshot } from '../src/run/snapshot.ts'
import { answering, INGRESS_DEPLOYMENT, INGRESS_SERVICE, type Answer } from './fake-kubectl.ts'

const kubectl = new Kubectl('shop')
const kubectlWith = (...answers: Answer[]) => kubectl.with({ execute: answering(...answers) })

const find = (wanted: string | undefined, ...answers: Answer[]) => findGateway(kubectlWith(...answers), wanted)

/** A gateway as the Helm chart makes it, under the name that Istio's guide gives it. */
const metadata = { name: 'istio-ingress', namespace: 'istio-ingress' }
const labels = { app: 'istio-ingress', istio: 'ingress' }
const service = { kind: 'Service', metadata, spec: { clusterIP: '127.0.0.254', selector: labels }, status: {} }
const INJECT = { 'sidecar.istio.io/inject': 'true' }
const deployment = (replicas?: number, template: Record<string, string> = { ...INJECT, ...labels }) =>
  ({ kind: 'Deployment', metadata, spec: { replicas, template: { metadata: { labels: template } } } })

const labelled = (...items: object[]): Answer =>
  [/^get services -A -l istio in \(ingressgateway,ingress\)/, { stdout: { items } }]
const inIngress = (...items: object[]): Answer => [/istio-ingress get deployments /, { stdout: { items } }]
const inSystem = (...items: object[]): Answer => [/istio-system get deployments /, { stdout: { items } }]

test('the companion finds the gateway that istioctl installs', async () => {
  expect(await find(undefined, labelled(INGRESS_SERVICE), inSystem(INGRESS_DEPLOYMENT))).toMatchObject({
    namespace: 'istio-system',
    service: 'istio-ingressgateway',
    workload: 'deployment/istio-ingressgateway',
    selector: 'istio: ingressgateway'
  })
})

test('the companion finds the gateway of Istio\'s Helm guide, and the Deployment behind its Service', async () => {
  const other = { ...deployment(1, { ...labels, app: 'other' }), metadata: { ...metadata, name: 'other' } }
  expect(await find(undefined, labelled(service), inIngress(other, deployment()))).toMatchObject({
    namespace: 'istio-ingress',
    service: 'istio-ingress',
    workload: 'deployment/istio-ingress',
    selector: 'istio: ingress',
    replicas: 1
  })
})

test('the gateway can be a DaemonSet, which the chart can make as well', async () => {
  const daemons = { ...deployment(), kind: 'DaemonSet' }
  expect(await find(undefined, labelled(service), inIngress(), [/get daemonsets/, { stdout: { items: [daemons] } }]))
    .toMatchObject({ workload: 'daemonset/istio-ingress', replicas: undefined })
})

test('with several gateways, the message lists the options to type', async () => {
  const scaled = { ...INGRESS_DEPLOYMENT, spec: { ...INGRESS_DEPLOYMENT.spec, replicas: 0 } }
  const both = find(undefined, labelled(INGRESS_SERVICE, service), inIngress(deployment()), inSystem(scaled))
  await expect(both).rejects.toThrow([
    'There are 2 ingress gateways. Which one should the exercises use?',
    '  --gateway istio-ingress/istio-ingress        deployment/istio-ingress, 1 replica',
    '  --gateway istio-system/istio-ingressgateway  deployment/istio-ingressgateway, 0 replicas'
  ].join('\n'))
})

test('the user can name a gateway with any label', async () => {
  const edge = { app: 'edge', istio: 'edge' }
  const theirs = { ...service, metadata: { name: 'edge', namespace: 'front' }, spec: { selector: edge } }
  const deployments = { items: [deployment(2, { ...labels, ...edge })] }
  const found = find('front/edge',
    [/-n front get service edge/, { stdout: theirs }],
    [/-n front get deployments/, { stdout: deployments }])
  expect(await found).toMatchObject({ namespace: 'front', service: 'edge', selector: 'istio: edge' })
})

test('if the gateway that the user names does not exist, the message says how to list the gateways', async () => {
  await expect(find('front/edge', [/get service edge/, {}])).rejects
    .toThrow(/^There is no gateway front\/edge: namespace front has no Service edge\.\n.* get services -A -l istio$/)
})

test('without a gateway, the message advises against a second Istio', async () => {
  const reason = await find(undefined, labelled()).catch((error: Error) => error.message)
  expect(reason).toMatch(/^There is no ingress gateway: no Service .* istio: ingressgateway or istio: ingress\.\n/)
  expect(reason).toContain('Istio is installed already, so do not install it again, but add a gateway to it')
  expect(reason).toContain('helm install istio-ingress gateway --repo https://') // without a repository to add first
  expect(reason).not.toMatch(/istioctl install/)
})

test('if the gateway has no Pods, the message has the command that starts one', async () => {
  await expect(find(undefined, labelled(service), inIngress(deployment(0)))).rejects.toThrow([
    'The ingress gateway istio-ingress/istio-ingress has no Pods: deployment/istio-ingress is scaled to 0.',
    'Start it: kubectl -n istio-ingress scale deployment/istio-ingress --replicas=1.'
  ].join('\n'))
})

test('if the gateway has no Deployment, the message names the labels that its Service selects', async () => {
  await expect(find(undefined, labelled(service), inIngress(), [/get daemonsets/, { stdout: { items: [] } }])).rejects
    .toThrow(/istio-ingress\/istio-ingress has no Deployment: .* \(app: istio-ingress, istio: ingress\)\./)
})

const FORBIDDEN = { code: 1, stderr: 'Error from server (Forbidden): services: User "trainee" cannot list' }

test('without permission for all namespaces, the companion searches the usual ones', async () => {
  const found = find(undefined, [/^get services -A/, FORBIDDEN], [/istio-system get services/, FORBIDDEN],
    [/istio-ingress get services/, { stdout: { items: [service] } }], inIngress(deployment()))
  expect(await found).toMatchObject({ namespace: 'istio-ingress' })
})

test('without any permission, the message suggests --gateway and a ClusterRole', async () => {
  const reason = new RegExp('^You are not allowed to look at the ingress gateway: .*trainee.*\n' +
    'If you know its Service, name it: --gateway .* kubectl create clusterrole')
  await expect(find(undefined, [/get services/, FORBIDDEN])).rejects.toThrow(reason)
  await expect(find('front/edge', [/get service edge/, FORBIDDEN])).rejects.toThrow(reason)
})

const CHART = { namespace: 'istio-ingress', selector: 'istio: ingress' }

test.each([
  [
    'istio/ch2/ingress-gateway.yaml',
    [{ kind: 'Gateway', spec: { selector: { istio: 'ingress' } } }, { kind: 'VirtualService' }],
    's|istio: ingressgateway|istio: ingress|'
  ],
  [
    'istio/ch8/gateway-telemetry.yaml',
    [{ metadata: { namespace: 'istio-ingress' }, spec: { selector: { matchLabels: { istio: 'ingress' } } } }],
    's|istio: ingressgateway|istio: ingress|; s|namespace: istio-system|namespace: istio-ingress|'
  ]
])('%s is changed for the gateway that was found, and the printed command shows how', async (file, objects, script) => {
  const found = await readManifest(kubectl, file, { gateway: CHART })
  expect(found.objects).toMatchObject(objects)
  expect(found.input).toMatchObject({ from: `sed '${script}' k8s/${file}` })
  const namespace = found.objects[0]?.metadata.namespace
  expect(found.namespace).toBe(namespace ?? 'shop')
})

test('for the book\'s gateway, the file is applied unchanged', async () => {
  const gateway = { namespace: 'istio-system', selector: 'istio: ingressgateway' }
  expect(await readManifest(kubectl, 'istio/ch8/gateway-telemetry.yaml', { gateway }))
    .toMatchObject({ args: ['-f', 'k8s/istio/ch8/gateway-telemetry.yaml'] })
})

test('the commands of the exercises name the gateway that was found', () => {
  const environmentWith = (workload: string, labels: Record<string, string>) => new Environment({
    kubectl,
    snapshot: { created: [] as string[] } as Snapshot,
    report: silent,
    api: 'istio',
    ingress: { ...CHART, service: 'istio-ingress', workload, labels, replicas: 1 },
    istio: undefined,
    patience: 0,
    clock: { least: 0, most: 0 }
  })
  const words = ['deploy/GATEWAY', 'GATEWAYS', 'GATEWAYS:secret/webapp', 'GATEWAY_APP.GATEWAYS', 'webapp.NAMESPACE']
  const filled = (environment: Environment) => words.map(word => environment.fill(word))
  const inNamespace = ['istio-ingress', 'istio-ingress:secret/webapp']
  expect(filled(environmentWith('deployment/istio-ingress', { ...labels, app: 'edge' })))
    .toEqual(['deployment/istio-ingress', ...inNamespace, 'edge.istio-ingress', 'webapp.shop'])
  expect(filled(environmentWith('daemonset/front', { istio: 'ingress' })))
    .toEqual(['daemonset/front', ...inNamespace, 'front.istio-ingress', 'webapp.shop'])
})

test('a Gateway claims a host at the gateways that it selects', async () => {
  const selectors = [{ istio: 'ingressgateway' }, { istio: 'ingress' }, { istio: 'ingress', app: 'other' }, undefined]
  const items = selectors.map(selector => ({
    metadata: { name: JSON.stringify(selector), namespace: 'other' },
    spec: { selector, servers: [{ port: { number: 80 }, hosts: ['*'] }] }
  }))
  const mesh = kubectlWith([/^get gateways/, { stdout: { items } }])
  expect((await claimingGateways(mesh, { labels })).map(({ name }) => name)).toEqual(['{"istio":"ingress"}', undefined])
})

test.each(course)('$id changes every selector for the gateway, and no command names the book\'s', async exercise => {
  const { needs, steps } = exercise
  const applied = steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])
  const files = [...needs.flatMap(need => NEEDS[need].file ?? []), ...applied].filter(file => file.startsWith('istio/'))
  const manifests = await Promise.all(files.map(file => readManifest(kubectl, file)))
  if (JSON.stringify(manifests).includes('"istio":"ingressgateway"')) expect(usesGateway(exercise)).toBe(true)
  const commands = steps.flatMap(step => 'command' in step ? [step.command.join(' ')] : [])
  expect(commands.filter(command => command.includes('ingressgateway'))).toEqual([])
})

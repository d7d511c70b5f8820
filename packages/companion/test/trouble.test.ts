// If something prevents the exercises from running, the message says what is wrong and what to do about it. kubectl
// answers here as real ones did; e2e/trouble.test.ts has the cases that a test can make in a real cluster.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { openGateway } from '../src/cluster/endpoint.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { claimingGateways } from '../src/cluster/preflight.ts'
import { requireProxies, waitForRollout, type Pod } from '../src/cluster/workloads.ts'
import { choose, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { silent } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'
import { answering, failingKubectl, fakeKubectl, INGRESS_SERVICE, runWith, type Answer } from './fake-kubectl.ts'

const undo: (() => void)[] = []
afterEach(() => { for (const each of undo.splice(0)) each() })
beforeAll(() => failingKubectl()) // port-forwards are processes of their own

/** kubectl that answers like this. What it runs ends with the test. */
function kubectlWith (...answers: Answer[]): Kubectl {
  const abort = new AbortController()
  undo.push(() => abort.abort())
  return new Kubectl('shop', { execute: answering(...answers), signal: abort.signal })
}

/** Why ch2.chaos does not run in a mesh that works, except that kubectl answers like this. */
async function reason (...answers: Answer[]): Promise<string> {
  const { error, passed, failed, notRun, results } = await runWith('ch2.chaos', ...answers)
  expect([passed, failed, notRun, results]).toEqual([0, 0, 1, []])
  return error ?? 'it runs'
}

const fails = (stderr: string) => ({ code: 1, stderr })

test('without a context, the message says how to choose one', async () => {
  expect(await reason([/^config current-context/, fails('error: current-context is not set')]))
    .toMatch(/kubectl has no current context\.\n.*use-context/)
})

test('if the cluster does not answer, the message has the reason and says how to choose another cluster', async () => {
  const refused = 'The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?'
  const message = await reason([/^api-resources --api-group/, fails(refused)])
  expect(message).toContain(`The cluster of the context kind-outfitters does not answer: ${refused}\n`)
  expect(message).toContain('use-context')
})

test('without Istio, the message says how to install it', async () => {
  expect(await reason([/^api-resources --api-group/, {}]))
    .toMatch(/^The cluster of the context kind-outfitters has no Istio\.\nInstall it: istioctl install/)
})

test('without injection, the message has the command that labels the namespace', async () => {
  const pod = { spec: { containers: [{ name: 'probe' }] } }
  expect(await reason([/create --dry-run/, { stdout: pod }])).toContain(
    'Pods of namespace shop get no proxy: the namespace is not injected.\n' +
    'Label it: kubectl label namespace shop istio-injection=enabled')
})

test('if the injector does not answer, the message has the reason and says how to look at istiod', async () => {
  const stderr = 'Error from server (InternalError): failed calling webhook "x.sidecar-injector.istio.io": refused'
  expect(await reason([/create --dry-run/, fails(stderr)]))
    .toMatch(/^Istio's injector does not answer: .*\nIs istiod running\? kubectl/)
})

test('if another namespace claims the host, the message names its Gateway and suggests --host', async () => {
  const gateway = (host: string, port = 80, selector = 'ingressgateway') => ({
    metadata: { name: 'theirs', namespace: 'other' },
    spec: { selector: { istio: selector }, servers: [{ port: { number: port }, hosts: [host] }] }
  })
  const claimed = [gateway('*', 443), gateway('*', 80, 'egressgateway'), gateway('shop.example')]
  const message = await reason([/^get gateways/, { stdout: { items: [...claimed, gateway('other/*')] } }])
  expect(message).toContain('Gateway theirs in namespace other claims the host * on the ingress gateway already.')
  expect(message).toContain('\nUse a host of your own: --host')
  const kubectl = kubectlWith([/^get gateways/, { stdout: { items: claimed } }])
  const ingress = { labels: { app: 'istio-ingressgateway', istio: 'ingressgateway' } }
  expect(await claimingGateways(kubectl, ingress)).toEqual([])
  expect(await claimingGateways(kubectl, ingress, 'shop.example')).toEqual([{ name: 'theirs', namespace: 'other' }])
})

test('an exercise whose add-on is missing does not run, and the others go on', async () => {
  const { error, results } = await runWith('ch2.observe', [/get service tracing/, {}])
  expect(error).toBeUndefined()
  expect(results).toMatchObject([{ id: 'ch2.observe', verdict: 'error', checks: [] }])
  expect(results[0]?.error).toMatch(
    /^There is no jaeger in istio-system: .* its Service tracing\.\nInstall it: kubectl apply -f https:.*jaeger\.yaml$/)
})

const GET_GATEWAY = 'kubectl -n istio-system get deployment/istio-ingressgateway service/istio-ingressgateway'

test('if no port-forward works, the message has the reason and the command that shows the gateway', async () => {
  const stderr = 'error: unable to forward port because pod is not running. Current status=Pending'
  undo.push(fakeKubectl([/port-forward/, fails(stderr)]))
  const message = await reason()
  expect(message).toMatch(/^There is no way to the ingress gateway: .*Current status=Pending\n/)
  expect(message).toContain(`\nIs it running? ${GET_GATEWAY}`)
})

test('if the ingress gateway refuses, the message has the reason and the command that shows its log', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close() // its port now refuses connections
  const stdout = `Forwarding from 127.0.0.1:${port} -> 8080\n`
  undo.push(fakeKubectl([/port-forward/, { stdout, stays: true }]))
  const message = await reason()
  expect(message).toMatch(/^The ingress gateway at http:\/\/127\.0\.0\.1:\d+\/api\/catalog refuses: .*ECONNREFUSED/)
  expect(message).toContain(`\nIs it running? ${GET_GATEWAY}. `)
  expect(message).toMatch(/ logs deployment\/istio-ingressgateway$/)
})

const pod = (state: object, containers = ['catalog', 'istio-proxy']) => ({
  items: [{
    metadata: { name: 'catalog-abc-12345' },
    spec: { containers: containers.map(name => ({ name })) },
    status: { containerStatuses: [{ name: 'catalog', image: 'localhost/outfitters/catalog:dev', state }] }
  }]
})

const IMAGE_REASONS = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']

test.each(IMAGE_REASONS)('%s: the message names the image, and says how to build and load it', async reason => {
  const stdout = pod({ waiting: { reason } })
  const kubectl = kubectlWith([/rollout status/, { stays: true }], [/get pods/, { stdout }])
  await expect(waitForRollout(kubectl, ['catalog'])).rejects.toThrow(
    `The image localhost/outfitters/catalog:dev of pod catalog-abc-12345 cannot be pulled (${reason}).\n` +
    'npm run images -- --load')
})

test('if a container does not start, the message has the reason and the command that shows its log', async () => {
  const stdout = pod({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } })
  const kubectl = kubectlWith([/rollout status/, { stays: true }], [/get pods/, { stdout }])
  await expect(waitForRollout(kubectl, ['catalog'])).rejects.toThrow(
    'The container catalog of pod catalog-abc-12345 does not start (CrashLoopBackOff): back-off 10s\n' +
    'To see what it printed: kubectl -n shop logs catalog-abc-12345 -c catalog --previous')
})

test('if a rollout does not end, the message has the command that describes its pods', async () => {
  const kubectl = kubectlWith([/rollout status/, fails('error: timed out waiting for the condition')])
  await expect(waitForRollout(kubectl, ['catalog'])).rejects.toThrow(
    'Deployment catalog in namespace shop is not ready after two minutes.\nTo see what its pods wait for: kubectl')
})

test('if pods have no proxy in an injected namespace, the message says how to restart them', () => {
  const check = () => requireProxies({ namespace: 'shop' }, pod({}, ['catalog']).items as Pod[])
  expect(check).toThrow(/^Pods of namespace shop have no proxy.*: catalog-abc-12345\./)
  expect(check).toThrow(/\nRestart them: kubectl -n shop rollout restart deployment$/)
})

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64')
const lease = (version: string, pid?: number, host = hostname()) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'outfitters-companion', resourceVersion: version },
  data: {
    ...(pid !== undefined && { holder: base64({ id: 'theirs', host, pid }) }),
    entries: base64({ namespaceIsOurs: false, objects: {}, faults: [] })
  }
})

test.each([
  ['on this machine', process.pid, hostname()],
  ['on another machine', 1, 'elsewhere']
])('if a run %s renews its lease, the message names that run and suggests another namespace', async (_, pid, host) => {
  const renewed = { stdout: lease('1', pid, host), then: { stdout: lease('2', pid, host) } }
  const message = await reason([/get secret/, renewed])
  expect(message).toContain(`Another run is at work in namespace shop: process ${pid} on ${host}.\n`)
  expect(message).toContain('\nWait until it has ended, or use a namespace of your own')
})

test('if another run has just acquired the lease, the message names that run', async () => {
  const exists = fails('Error from server (AlreadyExists): secrets "outfitters-companion" already exists')
  const acquired = { then: { stdout: lease('1', 1, 'elsewhere') } }
  expect(await reason([/ create -f - -o jsonpath/, exists], [/get secret/, acquired]))
    .toMatch(/^Another run is at work in namespace shop: process 1 on elsewhere\./)
})

test.each([
  ['was killed on this machine', 2 ** 30],
  ['was kept', undefined]
])('a run that %s does not prevent the next one', async (_, pid) => {
  const noGateway: Answer = [/get service istio-ingressgateway/, {}]
  expect(await reason([/get secret/, { stdout: lease('1', pid) }], noGateway))
    .toMatch(/^There is no gateway: namespace istio-system has no Service istio-ingressgateway/)
})

test('without kubectl, the message says that it is not installed', async () => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  undo.push(() => { process.env['PATH'] = path })
  const exercises = choose(['ch2.chaos'])
  const falseAlarm = FALSE_ALARM_PER_CHECK
  const { error } = await runExercises({ exercises, namespace: 'shop', report: silent, falseAlarm })
  expect(error).toMatch(/^kubectl is not installed\./)
})

test('with the Gateway API, the message is about the Gateway\'s own gateway', async () => {
  const kubectl = kubectlWith([/get service none-istio/, {}], [/get service/, { stdout: INGRESS_SERVICE }])
  const own = (service: string) => ({ namespace: 'shop', service, workload: `deployment/${service}` })
  await expect(openGateway(kubectl, own('none-istio'))).rejects.toThrow(
    /has no Service none-istio\.\nWhat does its Gateway say\? kubectl -n shop describe gateways\.gateway/)
  const name = 'outfitters-gateway-istio'
  await expect(openGateway(kubectl, own(name))).rejects
    .toThrow(`Is it running? kubectl -n shop get deployment/${name} service/${name}`)
})

// What keeps the exercises from running is said in a sentence, with what to do about it. The cluster here is a kubectl that answers as
// a real one did; e2e/trouble.test.ts has those that a real cluster can be brought to.
import { createServer } from 'node:net'
import { once } from 'node:events'
import { hostname } from 'node:os'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { choose, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { openGateway } from '../src/cluster/gateway.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { claims } from '../src/cluster/preflight.ts'
import { silent } from '../src/run/reporter.ts'
import { run } from '../src/run/run.ts'
import { proxied, rolledOut } from '../src/cluster/workloads.ts'
import { fakeKubectl, INGRESS_SERVICE, MESH, type Answer } from './fake-kubectl.ts'

const undo: (() => void)[] = []
afterEach(() => { for (const each of undo.splice(0)) each() })

/** Why ch2.chaos does not run where kubectl answers like this, and otherwise as in a mesh that works. */
async function reason (...answers: Answer[]): Promise<string> {
  undo.push(fakeKubectl(...answers, ...MESH))
  const { error, passed, failed, notRun, results } = await run({ exercises: choose(['ch2.chaos']), namespace: 'shop', report: silent, falseAlarm: FALSE_ALARM_PER_CHECK, patience: 300 })
  expect([passed, failed, notRun, results]).toEqual([0, 0, 1, []])
  return error ?? 'it runs'
}

test('no context', async () => {
  expect(await reason([/^config current-context/, { code: 1, stderr: 'error: current-context is not set' }])).toMatch(/kubectl has no current context\.\n.*use-context/)
})

test('a cluster that does not answer', async () => {
  expect(await reason([/^api-resources --api-group/, { code: 1, stderr: 'The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?' }]))
    .toMatch(/^The cluster of the context kind-outfitters does not answer: The connection to the server .* refused.*\n.*use-context/)
})

test('no Istio', async () => {
  expect(await reason([/^api-resources --api-group/, {}])).toMatch(/^The cluster of the context kind-outfitters has no Istio\.\nInstall it: istioctl install/)
})

test('no injection', async () => {
  expect(await reason([/create --dry-run/, { stdout: { spec: { containers: [{ name: 'probe' }] } } }]))
    .toMatch(/^Pods of namespace shop get no proxy: the namespace is not injected\.\nkubectl label namespace shop istio-injection=enabled/)
})

test('an injector that does not answer', async () => {
  expect(await reason([/create --dry-run/, { code: 1, stderr: 'Error from server (InternalError): failed calling webhook "namespace.sidecar-injector.istio.io": connection refused' }]))
    .toMatch(/^Istio's injector does not answer: .*\nIs istiod running\? kubectl/)
})

test('another namespace with the same host', async () => {
  const gateway = (host: string, port = 80, selector = 'ingressgateway') => ({ metadata: { name: 'theirs', namespace: 'other' }, spec: { selector: { istio: selector }, servers: [{ port: { number: port }, hosts: [host] }] } })
  const claimed = [gateway('*', 443), gateway('*', 80, 'egressgateway'), gateway('shop.example')]
  expect(await reason([/^get gateways/, { stdout: { items: [...claimed, gateway('other/*')] } }]))
    .toMatch(/^Gateway theirs in namespace other claims the host \* on the ingress gateway already.*\nTake a host of your own: --host/)
  undo.push(fakeKubectl([/^get gateways/, { stdout: { items: claimed } }]))
  const ingress = { labels: { app: 'istio-ingressgateway', istio: 'ingressgateway' } }
  expect(await claims(new Kubectl('shop'), ingress)).toEqual([])
  expect(await claims(new Kubectl('shop'), ingress, 'shop.example')).toEqual([{ name: 'theirs', namespace: 'other' }])
})

test('an add-on that an exercise looks at is not there: that exercise alone is not run', async () => {
  undo.push(fakeKubectl([/get service tracing/, {}], ...MESH))
  const { error, results } = await run({ exercises: choose(['ch2.observe']), namespace: 'shop', report: silent, falseAlarm: FALSE_ALARM_PER_CHECK, patience: 300 })
  expect([error, results]).toEqual([undefined, [{ id: 'ch2.observe', verdict: 'error', checks: [], error: expect.stringMatching(/^There is no jaeger in istio-system: kubectl apply -f https:/) }]])
})

test('no way to the ingress gateway', async () => {
  expect(await reason(
    [/port-forward/, { code: 1, stderr: 'error: unable to forward port because pod is not running. Current status=Pending' }]
  )).toMatch(/^There is no way to the ingress gateway: .*Current status=Pending\nIs it running\? kubectl -n istio-system get deployment\/istio-ingressgateway service\/istio-ingressgateway$/)
})

test('an ingress gateway that refuses', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close() // nobody listens there now
  expect(await reason(
    [/port-forward/, { stdout: `Forwarding from 127.0.0.1:${port} -> 8080\n`, stays: true }]
  )).toMatch(/^The ingress gateway at http:\/\/127\.0\.0\.1:\d+\/api\/catalog refuses: .*ECONNREFUSED.*\nIs it running\? kubectl -n istio-system get deployment\/istio-ingressgateway service\/istio-ingressgateway\. .* logs deployment\/istio-ingressgateway$/)
})

const pod = (state: object, containers = ['catalog', 'istio-proxy']) => ({
  items: [{
    metadata: { name: 'catalog-abc-12345' },
    spec: { containers: containers.map(name => ({ name })) },
    status: { containerStatuses: [{ name: 'catalog', image: 'localhost/outfitters/catalog:dev', state }] }
  }]
})

test.each(['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'])('an image that cannot be pulled: %s', async reason => {
  undo.push(fakeKubectl([/rollout status/, { stays: true }], [/get pods/, { stdout: pod({ waiting: { reason } }) }]))
  await expect(rolledOut(new Kubectl('shop', { signal: ending() }), ['catalog'])).rejects.toThrow(`The image localhost/outfitters/catalog:dev of pod catalog-abc-12345 cannot be pulled (${reason}).\nnpm run images -- --load`)
})

test('a container that does not start', async () => {
  undo.push(fakeKubectl([/rollout status/, { stays: true }], [/get pods/, { stdout: pod({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } }) }]))
  await expect(rolledOut(new Kubectl('shop', { signal: ending() }), ['catalog'])).rejects.toThrow(/^The container catalog of pod catalog-abc-12345 does not start \(CrashLoopBackOff\): back-off 10s\nWhat it said: kubectl -n shop logs catalog-abc-12345 -c catalog --previous$/)
})

test('a rollout that does not come to its end', async () => {
  undo.push(fakeKubectl([/rollout status/, { code: 1, stderr: 'error: timed out waiting for the condition' }]))
  await expect(rolledOut(new Kubectl('shop'), ['catalog'])).rejects.toThrow(/^Deployment catalog in namespace shop is not ready after two minutes\.\nWhat its pods wait for: kubectl/)
})

test('pods without a proxy in an injected namespace', async () => {
  undo.push(fakeKubectl([/get pods/, { stdout: pod({}, ['catalog']) }]))
  await expect(proxied(new Kubectl('shop'), ['catalog'])).rejects.toThrow(/^Pods of namespace shop have no proxy.*: catalog-abc-12345\..*\nMake them anew: kubectl -n shop rollout restart deployment$/)
})

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64')
const ledger = (version: string, pid?: number, host = hostname()) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'outfitters-companion', resourceVersion: version },
  data: { ...(pid !== undefined && { holder: base64({ id: 'theirs', host, pid }) }), entries: base64({ namespaceIsOurs: false, objects: {}, faults: [] }) }
})

test('another run in the same namespace: its ledger is written meanwhile', async () => {
  for (const [pid, host] of [[process.pid, hostname()], [1, 'elsewhere']] as const) {
    expect(await reason([/get secret/, { stdout: ledger('1', pid, host), then: { stdout: ledger('2', pid, host) } }])).toMatch(new RegExp(`^Another run is at work in namespace shop: process ${pid} on ${host}\\.\nWait for it, or take a namespace of your own`))
  }
})

test('another run in the same namespace: it has begun its ledger a moment ago', async () => {
  expect(await reason([/ create -f - -o jsonpath/, { code: 1, stderr: 'Error from server (AlreadyExists): secrets "outfitters-companion" already exists' }], [/get secret/, { then: { stdout: ledger('1', 1, 'elsewhere') } }]))
    .toMatch(/^Another run is at work in namespace shop: process 1 on elsewhere\./)
})

test('a run that was killed on this machine, or kept, is in nobody\'s way', async () => {
  for (const pid of [2 ** 30, undefined]) expect(await reason([/get secret/, { stdout: ledger('1', pid) }], [/get service istio-ingressgateway/, {}])).toMatch(/^There is no gateway: namespace istio-system has no Service istio-ingressgateway/)
})

test('kubectl is not installed', async () => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  undo.push(() => { process.env['PATH'] = path })
  const { error } = await run({ exercises: choose(['ch2.chaos']), namespace: 'shop', report: silent, falseAlarm: FALSE_ALARM_PER_CHECK })
  expect(error).toMatch(/^kubectl is not installed\./)
})

test('by the Gateway API it is the Gateway\'s own gateway that is to be looked at', async () => {
  const kubectl = new Kubectl('shop')
  undo.push(fakeKubectl([/get service none-istio/, {}], [/get service/, { stdout: INGRESS_SERVICE }], [/port-forward/, { code: 1, stderr: 'no' }]))
  const own = (service: string) => ({ namespace: 'shop', service, workload: `deployment/${service}` })
  await expect(openGateway(kubectl, own('none-istio'))).rejects.toThrow(/has no Service none-istio\.\nWhat does its Gateway say\? kubectl -n shop describe gateways\.gateway/)
  await expect(openGateway(kubectl, own('outfitters-gateway-istio'))).rejects.toThrow(/Is it running\? kubectl -n shop get deployment\/outfitters-gateway-istio service\/outfitters-gateway-istio$/)
})

/** Ends the kubectl that stays when the test is over. */
function ending (): AbortSignal {
  const abort = new AbortController()
  undo.push(() => abort.abort())
  return abort.signal
}

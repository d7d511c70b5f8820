// What the mesh's add-ons see of the store: one request is one trace, and metrics tell versions and injected faults apart.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { graphOf, rootsOf, tracesIn, type Trace } from '../src/course/exercises/traces.ts'
import { startPortForward, INGRESS, type Endpoint } from '../src/cluster/gateway.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { sendRequest, load } from '../src/judge/load.ts'
import { rolledOut } from '../src/cluster/workloads.ts'
import { apply, freshMesh, k8s } from './mesh.ts'

const mesh = freshMesh()
const istio = new Kubectl('istio-system')
const GATEWAY = `${INGRESS}.istio-system`
const webapp = () => `webapp.${mesh.kubectl.namespace}`
const catalog = () => `catalog.${mesh.kubectl.namespace}`

let jaeger: Endpoint
let prometheus: Endpoint

beforeAll(async () => {
  if ((await istio.objects(['services', 'tracing', 'prometheus'])).length < 2) throw new Error('Jaeger and Prometheus are not in istio-system: scripts/cluster.sh up --here installs the add-ons')
  jaeger = await startPortForward('istio-system', 'service/tracing', 80)
  prometheus = await startPortForward('istio-system', 'service/prometheus', 9090)
  await istio.apply(k8s('istio/ch8/gateway-telemetry.yaml'))
  await mesh.kubectl.apply(k8s('istio/ch2/ingress-gateway.yaml'), k8s('components/observability/telemetry.yaml'))
})
afterAll(async () => {
  jaeger?.close()
  prometheus?.close()
  await istio.run(['delete', '-f', k8s('istio/ch8/gateway-telemetry.yaml'), '--ignore-not-found'])
})

/** The traces of `n` requests to the webapp through the gateway, once each is whole: as `isWhole` says. */
async function tracesOf (n: number, isWhole: (trace: Trace) => boolean, timeout = 60_000): Promise<Trace[]> {
  const mark = randomBytes(4).toString('hex')
  const start = Date.now() * 1000
  for (let i = 0; i < n; i++) expect((await sendRequest(`${mesh.gateway.origin}/api/catalog?mark=${mark}-${i}`)).status).toBe(200)
  return await vi.waitFor(async () => {
    const found = await sendRequest(`${jaeger.origin}/jaeger/api/traces?service=${GATEWAY}&limit=${10 * n}&start=${start}&end=${Date.now() * 1000}`)
    const traces = tracesIn(found.body).filter(trace => JSON.stringify(trace).includes(`mark=${mark}-`))
    expect([traces.length, traces.filter(isWhole).length]).toEqual([n, n])
    return traces
  }, { timeout, interval: 1000 })
}

const namesOf = ({ spans }: Trace) => spans.map(({ operationName }) => operationName)
const graph = () => new Set([`${GATEWAY} → ${webapp()}`, `outside → ${GATEWAY}`, `${webapp()} → ${catalog()}`])
const SERVICES = ['GET /api/catalog', 'GET', 'GET /items']

/** The proxies of every hop, and nothing that does not hang together. */
const isOne = (trace: Trace) => rootsOf(trace) === 1 && isDeepStrictEqual(graphOf(trace), graph())
const hasServices = (trace: Trace) => isOne(trace) && SERVICES.every(name => namesOf(trace).includes(name))

test('with the tracing of the services off, a request is one trace of the proxies: they carry it on', async () => {
  await vi.waitFor(() => tracesOf(1, isOne, 15_000), { timeout: 90_000 }) // the proxies have heard
  for (const trace of await tracesOf(20, isOne)) {
    expect(graphOf(trace)).toEqual(graph())
    for (const name of SERVICES) expect(namesOf(trace)).not.toContain(name)
  }
})

test('with it on, a request is one trace of proxies and services', async () => {
  await mesh.kubectl.apply(k8s('components/observability/tracing.yaml'))
  await mesh.kubectl.run(['rollout', 'restart', 'deployment/catalog', 'deployment/webapp'])
  await rolledOut(mesh.kubectl, ['catalog', 'webapp'])
  await vi.waitFor(() => tracesOf(1, hasServices, 15_000), { timeout: 90_000 })
  for (const trace of await tracesOf(20, hasServices)) {
    expect([rootsOf(trace), graphOf(trace)]).toEqual([1, graph()])
    expect(namesOf(trace)).toEqual(expect.arrayContaining(SERVICES))
  }
})

test('sending the spans begins no traces: all that the webapp has a part in begin at the gateway', async () => {
  const start = Date.now() * 1000
  for (let i = 0; i < 3; i++) await tracesOf(1, hasServices) // each is there once its spans were sent, and the proxy's spans follow within seconds
  const { body } = await sendRequest(`${jaeger.origin}/jaeger/api/traces?service=${webapp()}&limit=1000&start=${start}&end=${Date.now() * 1000}`)
  const beginnings = tracesIn(body).map(trace => [...graphOf(trace)].filter(edge => edge.startsWith('outside → ')))
  expect(beginnings.length).toBeGreaterThanOrEqual(3)
  expect(new Set(beginnings.flat())).toEqual(new Set([`outside → ${GATEWAY}`]))
})

test('the proxies\' spans have the custom tag', async () => {
  const [trace] = await tracesOf(1, hasServices)
  expect(trace?.spans.flatMap(({ tags }) => tags).filter(({ key, value }) => key === 'dark-launch' && value === 'no').length).toBeGreaterThan(0)
})

/** What Prometheus has, by the values of a label. */
async function query (expression: string, label: string): Promise<Record<string, number>> {
  const { body } = await sendRequest(`${prometheus.origin}/api/v1/query?query=${encodeURIComponent(expression)}`)
  const { data } = JSON.parse(body) as { data: { result: { metric: Record<string, string>, value: [number, string] }[] } }
  return Object.fromEntries(data.result.map(({ metric, value }) => [metric[label] ?? '', Number(value[1])]))
}

test('Prometheus, through Istio\'s merged metrics, tells v1 from v2, and injected failures from real ones', async () => {
  const { namespace } = mesh.kubectl
  await apply(mesh.kubectl, 'services/catalog-v2.yaml')
  await rolledOut(mesh.kubectl, ['catalog-v2'])
  expect(await command('scripts/chaos.sh', ['500', '50', '--version', 'v1', '-n', namespace])).toMatchObject({ code: 0 })
  await vi.waitFor(async () => {
    await load({ url: `${mesh.gateway.origin}/api/catalog`, rate: 50, until: 50 })
    const answered = await query(`sum by (version) (http_server_request_duration_seconds_count{namespace="${namespace}",app="catalog",route="/items"})`, 'version')
    const injected = await query(`sum by (version) (http_server_request_duration_seconds_count{namespace="${namespace}",app="catalog",route="/items",status="500",fault!=""})`, 'version')
    expect([answered['v1'], answered['v2'], injected['v1']]).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)])
    expect(injected).not.toHaveProperty('v2')
  }, { timeout: 60_000, interval: 1000 })

  await mesh.kubectl.run(['scale', 'deployment/catalog', 'deployment/catalog-v2', '--replicas=0'])
  await vi.waitFor(async () => {
    await load({ url: `${mesh.gateway.origin}/api/catalog`, rate: 50, until: 20 })
    const failed = (fault: string) => query(`sum by (status) (http_client_request_duration_seconds_count{namespace="${namespace}",app="webapp",upstream="catalog",status=~"5..",fault${fault}})`, 'status')
    expect(await failed('!=""')).toEqual({ 500: expect.any(Number) })
    expect(await failed('=""')).toEqual({ 503: expect.any(Number) })
  }, { timeout: 60_000, interval: 1000 })
})

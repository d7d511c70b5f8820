// In Jaeger, one request is one trace. In Prometheus, metrics tell versions and injected faults apart.
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { graphOf, rootsOf, tracesIn, type Trace } from '../src/course/exercises/traces.ts'
import { startPortForward, type Endpoint } from '../src/cluster/endpoint.ts'
import { INGRESS } from '../src/cluster/gateway.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { sendRequest, sendLoad } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { apply, freshMesh, k8s } from './mesh.ts'

const mesh = freshMesh()
const istio = new Kubectl('istio-system')
const GATEWAY = `${INGRESS}.istio-system`
const webapp = () => `webapp.${mesh.kubectl.namespace}`
const catalog = () => `catalog.${mesh.kubectl.namespace}`

let jaeger: Endpoint
let prometheus: Endpoint

beforeAll(async () => {
  if ((await istio.objects(['services', 'tracing', 'prometheus'])).length < 2) {
    throw new Error('Jaeger and Prometheus are not in istio-system. Install the add-ons: scripts/cluster.sh up --here')
  }
  jaeger = await startPortForward('istio-system', 'service/tracing', 80)
  prometheus = await startPortForward('istio-system', 'service/prometheus', 9090)
  await istio.apply(k8s('istio/ch8/gateway-telemetry.yaml'))
  await mesh.exposeStore()
  await mesh.kubectl.apply(k8s('components/observability/telemetry.yaml'))
})
afterAll(async () => {
  jaeger?.close()
  prometheus?.close()
  await istio.run(['delete', '-f', k8s('istio/ch8/gateway-telemetry.yaml'), '--ignore-not-found'])
})

/** Jaeger's answer about the traces of a service since a time in microseconds. */
async function tracesSince (service: string, start: number, limit: number): Promise<Trace[]> {
  const query = `service=${service}&limit=${limit}&start=${start}&end=${Date.now() * 1000}`
  return tracesIn((await sendRequest(`${jaeger.origin}/jaeger/api/traces?${query}`)).body)
}

/** The traces of `n` requests to the webapp through the gateway, as soon as each is complete. */
async function tracesOf (n: number, isComplete: (trace: Trace) => boolean, timeout = 60_000): Promise<Trace[]> {
  const mark = randomBytes(4).toString('hex')
  const start = Date.now() * 1000
  for (let i = 0; i < n; i++) {
    expect((await sendRequest(mesh.call(`/api/catalog?mark=${mark}-${i}`))).status).toBe(200)
  }
  return await vi.waitFor(async () => {
    // Not the gateway's traces: the files that run beside this one send requests through it, too, and Jaeger answers
    // with a limited number.
    const found = await tracesSince(webapp(), start, 10 * n)
    const traces = found.filter(trace => JSON.stringify(trace).includes(`mark=${mark}-`))
    expect([traces.length, traces.filter(isComplete).length]).toEqual([n, n])
    return traces
  }, { timeout, interval: 1000 })
}

const namesOf = ({ spans }: Trace) => spans.map(({ operationName }) => operationName)
const graph = () => new Set([`${GATEWAY} → ${webapp()}`, `outside → ${GATEWAY}`, `${webapp()} → ${catalog()}`])
const SERVICES = ['GET /api/catalog', 'GET', 'GET /items']

/** Whether the spans of all proxies form one tree. */
const isOne = (trace: Trace) => rootsOf(trace) === 1 && isDeepStrictEqual(graphOf(trace), graph())
const hasServices = (trace: Trace) => isOne(trace) && SERVICES.every(name => namesOf(trace).includes(name))

test('with tracing off in the services, a request is still one trace, made by the proxies', async () => {
  await vi.waitFor(() => tracesOf(1, isOne, 15_000), { timeout: 90_000 }) // the proxies have picked up the Telemetry
  for (const trace of await tracesOf(20, isOne)) {
    expect(graphOf(trace)).toEqual(graph())
    for (const name of SERVICES) expect(namesOf(trace)).not.toContain(name)
  }
})

test('with tracing on, a request is one trace of proxies and services', async () => {
  await mesh.kubectl.apply(k8s('components/observability/tracing.yaml'))
  await mesh.kubectl.run(['rollout', 'restart', 'deployment/catalog', 'deployment/webapp'])
  await waitForRollout(mesh.kubectl, ['catalog', 'webapp'])
  await vi.waitFor(() => tracesOf(1, hasServices, 15_000), { timeout: 90_000 })
  for (const trace of await tracesOf(20, hasServices)) {
    expect([rootsOf(trace), graphOf(trace)]).toEqual([1, graph()])
    expect(namesOf(trace)).toEqual(expect.arrayContaining(SERVICES))
  }
})

test('every trace of the webapp begins at the gateway: sending spans makes no traces of its own', async () => {
  const start = Date.now() * 1000
  for (let i = 0; i < 3; i++) await tracesOf(1, hasServices) // so the services have sent spans several times
  const traces = await tracesSince(webapp(), start, 1000)
  const beginnings = traces.map(trace => [...graphOf(trace)].filter(edge => edge.startsWith('outside → ')))
  expect(beginnings.length).toBeGreaterThanOrEqual(3)
  expect(new Set(beginnings.flat())).toEqual(new Set([`outside → ${GATEWAY}`]))
})

test('the proxies\' spans have the custom tag', async () => {
  const [trace] = await tracesOf(1, hasServices)
  const tags = trace?.spans.flatMap(({ tags }) => tags)
  expect(tags).toContainEqual(expect.objectContaining({ key: 'dark-launch', value: 'no' }))
})

interface PrometheusAnswer {
  data: { result: { metric: Record<string, string>, value: [number, string] }[] }
}

/** The results of a Prometheus query, by the values of a label. */
async function query (expression: string, label: string): Promise<Record<string, number>> {
  const { body } = await sendRequest(`${prometheus.origin}/api/v1/query?query=${encodeURIComponent(expression)}`)
  const { data: { result } } = JSON.parse(body) as PrometheusAnswer
  return Object.fromEntries(result.map(({ metric, value }) => [metric[label] ?? '', Number(value[1])]))
}

test('Prometheus tells v1 from v2, and injected failures from real ones, by Istio\'s merged metrics', async () => {
  const { namespace } = mesh.kubectl
  await apply(mesh.kubectl, 'services/catalog-v2.yaml')
  await waitForRollout(mesh.kubectl, ['catalog-v2'])
  const { code } = await command('scripts/chaos.sh', ['500', '50', '--version', 'v1', '-n', namespace])
  expect(code).toBe(0)
  await vi.waitFor(async () => {
    await sendLoad({ ...mesh.call('/api/catalog'), rate: 50, until: 50 })
    const served = (labels = '') => query('sum by (version) (http_server_request_duration_seconds_count' +
      `{namespace="${namespace}",app="catalog",route="/items"${labels}})`, 'version')
    const injected = await served(',status="500",fault!=""')
    expect(await served()).toMatchObject({ v1: expect.any(Number), v2: expect.any(Number) })
    expect(injected).toHaveProperty('v1')
    expect(injected).not.toHaveProperty('v2')
  }, { timeout: 60_000, interval: 1000 })

  await mesh.kubectl.run(['scale', 'deployment/catalog', 'deployment/catalog-v2', '--replicas=0'])
  await vi.waitFor(async () => {
    await sendLoad({ ...mesh.call('/api/catalog'), rate: 50, until: 20 })
    const failed = (fault: string) => query('sum by (status) (http_client_request_duration_seconds_count' +
      `{namespace="${namespace}",app="webapp",upstream="catalog",status=~"5..",fault${fault}})`, 'status')
    expect(await failed('!=""')).toEqual({ 500: expect.any(Number) })
    expect(await failed('=""')).toEqual({ 503: expect.any(Number) })
  }, { timeout: 60_000, interval: 1000 })
})

// Requests reach the exercises' gateway, or the message says what is wrong. The gateway is a server in this process.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openGateway } from '../src/cluster/endpoint.ts'
import type { KubeObject } from '../src/cluster/kubectl.ts'
import { GatewayAccess, type GatewayAccessOptions } from '../src/run/gateway-access.ts'
import { FakeCluster } from './fake-cluster.ts'
import { INGRESS, type Answer } from './fake-kubectl.ts'

vi.mock('../src/cluster/endpoint.ts', { spy: true })

const CATALOG: KubeObject =
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'catalog-1', labels: { app: 'catalog' } } }

/** Starts a gateway that answers like this, and returns its origin. The server ends with the test. */
async function gatewayThat (answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Access through endpoints with this origin. `closed` counts those that were closed, by the Service behind them. */
function accessTo (origin: string, options: Partial<GatewayAccessOptions> = {}, ...answers: Answer[]) {
  const closed: string[] = []
  vi.mocked(openGateway).mockReset().mockImplementation(async (_, { service }) =>
    ({ origin, close: () => { closed.push(service) }, interruptions: () => 0 }))
  const kubectl = new FakeCluster([CATALOG], ...answers).kubectl()
  const access = new GatewayAccess({ kubectl, api: 'istio', ingress: INGRESS, fill: text => text, ...options })
  return { access, closed }
}

const from = (pod: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'x-served-by': pod }).end('[]')
}

test('a gateway that leads to the catalog of the namespace is accepted', async () => {
  const { access } = accessTo(await gatewayThat(from('catalog-1')))
  await access.requireRouteHere(5000)
})

test('a gateway that refuses connections: the message shows its status and its log', async () => {
  const { access } = accessTo('http://127.0.0.1:1')
  const error = await access.requireRouteHere(0).catch((error: Error) => error)
  const [problem, remedy] = String((error as Error).message).split('\n')
  expect(problem).toMatch(/^The ingress gateway at http:\/\/127\.0\.0\.1:1\/api\/catalog refuses: .+\.$/)
  expect(remedy).toBe(
    `Is it running? kubectl -n istio-system get ${INGRESS.workload} service/istio-ingressgateway. ` +
    `To see its log: kubectl -n istio-system logs ${INGRESS.workload}`)
})

test('a gateway without a route: the message shows how to look for it', async () => {
  const origin = await gatewayThat(response => { response.writeHead(404).end('x'.repeat(300)) })
  const { access } = accessTo(origin)
  await expect(access.requireRouteHere(0)).rejects.toThrow(
    `The ingress gateway at ${origin}/api/catalog answers with 404: ${'x'.repeat(200)}\n` +
    'Does it know the route? istioctl proxy-config routes deployment/istio-ingressgateway -n istio-system. ' +
    'Is there a problem in the configuration? istioctl analyze -n shop')
})

test.each([['other-1', 'other-1'], ['', 'without a name']])(
  'a gateway that leads to the pod "%s" of another namespace: the message suggests a host', async (pod, named) => {
    const { access } = accessTo(await gatewayThat(pod === '' ? response => { response.end('[]') } : from(pod)))
    await expect(access.requireRouteHere(0)).rejects.toThrow(
      `The ingress gateway leads to a store in another namespace: pod ${named} is not in namespace shop.\n` +
      'Use a host of your own: --host NAME.example')
  })

test('a route that arrives within the given time is accepted', async () => {
  let requests = 0
  const { access } = accessTo(await gatewayThat(response => {
    if (requests++ < 3) response.writeHead(404).end()
    else from('catalog-1')(response)
  }))
  await access.requireRouteHere(10_000)
})

test('without a gateway, there is no address, and the placeholders have no values', async () => {
  const { access } = accessTo('', { ingress: undefined })
  expect(access.names).toBeUndefined()
  expect(access.nameInTraces).toBe('')
  expect(() => access.current).toThrow('There is no gateway for the requests. Apply a Gateway in an earlier step')
  await expect(access.address({ path: '/' })).rejects.toThrow('There is no gateway for the requests.')
  expect(await access.statusProbe()).toBeUndefined()
})

test('requests go to the exercises\' own Gateway until it is forgotten', async () => {
  const { access, closed } = accessTo('http://127.0.0.1:1', { host: 'shop.example' })
  await access.address({ path: '/' })
  expect(access.names).toEqual({ namespace: 'istio-system', workload: INGRESS.workload, app: INGRESS.service })
  access.useOwn('outfitters-gateway')
  expect(access.current).toMatchObject({ namespace: 'shop', service: 'outfitters-gateway-istio' })
  expect(access.nameInTraces).toBe('outfitters-gateway-istio.shop')
  expect(await access.address({ path: '/items' })).toMatchObject(
    { url: 'http://127.0.0.1:1/items', method: 'GET', headers: { host: 'shop.example' } })

  access.forgetOwnUnlessIn(['shop:gateway.gateway.networking.k8s.io/outfitters-gateway'])
  expect(access.current.service).toBe('outfitters-gateway-istio')
  access.forgetOwnUnlessIn(['shop:gateway.networking.istio.io/outfitters-gateway'])
  expect(access.current).toBe(INGRESS)
  await expect.poll(() => closed).toEqual(['outfitters-gateway-istio'])
  await access.close()
  expect(closed).toEqual(['outfitters-gateway-istio', 'istio-ingressgateway'])
})

test('a gateway is connected to once for each port', async () => {
  const { access } = accessTo('http://127.0.0.1:1')
  await Promise.all([access.address({ path: '/a' }), access.address({ path: '/b' })])
  await access.address({ path: '/c', host: 'shop.example', tls: {} as never })
  expect(vi.mocked(openGateway).mock.calls.map(([, , options]) => options)).toEqual([{ port: 80 }, { port: 443 }])
})

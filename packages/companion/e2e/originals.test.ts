// Who has the book's own files, in the API version of its time, can go on using them.
import { expect, test } from 'vitest'
import { load, type Call } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { freshMesh } from './mesh.ts'

const mesh = freshMesh()
const old = (kind: string, name: string, spec: object) => JSON.stringify({ apiVersion: 'networking.istio.io/v1alpha3', kind, metadata: { name }, spec })
const to = (subset?: string) => ({ route: [{ destination: { host: 'catalog', ...(subset && { subset }) } }] })
const catalogRoutes = (...http: object[]) => old('VirtualService', 'catalog', { hosts: ['catalog'], http })

const versions = async (headers: Record<string, string> = {}) => new Set((await load({ url: `${mesh.gateway.origin}/api/catalog`, headers, rate: 50, until: 60 })).calls
  .map(({ status, headers }: Call) => `${status} ${headers['x-served-version']}`))
const becomes = (wanted: string[], headers: Record<string, string> = {}) =>
  expect.poll(() => versions(headers), { timeout: 40_000, interval: 500 }).toEqual(new Set(wanted))

test('a gateway, retries, both versions, a pin to v1 and a dark launch in v1alpha3', async () => {
  await mesh.kubectl.applyText(old('Gateway', 'outfitters-gateway', {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }]
  }))
  await mesh.kubectl.applyText(old('VirtualService', 'webapp-virtualservice', {
    hosts: ['*'],
    gateways: ['outfitters-gateway'],
    http: [{ route: [{ destination: { host: 'webapp', port: { number: 80 } } }] }]
  }))
  await becomes(['200 v1'])

  await mesh.kubectl.applyText(catalogRoutes({ ...to(), retries: { attempts: 3, retryOn: '5xx', perTryTimeout: '2s' } }))
  // The book's second version sets SHOW_IMAGE and nothing else of ours.
  const deployment = await mesh.kubectl.json<{ metadata: object, spec: { selector: { matchLabels: Record<string, string> }, template: { metadata: { labels: Record<string, string> }, spec: { containers: { env: object[] }[] } } } }>(['get', 'deployment', 'catalog'])
  deployment.metadata = { name: 'catalog-v2', labels: { app: 'catalog', version: 'v2' } }
  deployment.spec.selector.matchLabels['version'] = 'v2'
  deployment.spec.template.metadata.labels['version'] = 'v2'
  for (const container of deployment.spec.template.spec.containers) container.env = [{ name: 'SHOW_IMAGE', value: 'true' }]
  await mesh.kubectl.applyText(JSON.stringify(deployment))
  await waitForRollout(mesh.kubectl, ['catalog-v2'])
  await becomes(['200 v1', '200 v2'])

  await mesh.kubectl.applyText(old('DestinationRule', 'catalog', {
    host: 'catalog',
    subsets: ['v1', 'v2'].map(version => ({ name: `version-${version}`, labels: { version } }))
  }))
  await mesh.kubectl.applyText(catalogRoutes(to('version-v1')))
  await becomes(['200 v1'])

  await mesh.kubectl.applyText(catalogRoutes({ match: [{ headers: { 'x-dark-launch': { exact: 'v2' } } }], ...to('version-v2') }, to('version-v1')))
  await becomes(['200 v2'], { 'x-dark-launch': 'v2' })
  await becomes(['200 v1'])
})

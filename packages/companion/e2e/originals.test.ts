// Readers can use the book's own files, in the API version of their time.
import { expect, test } from 'vitest'
import { sendLoad } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { freshMesh } from './mesh.ts'

interface Deployment {
  metadata: object
  spec: {
    selector: { matchLabels: Record<string, string> }
    template: { metadata: { labels: Record<string, string> }, spec: { containers: { env: object[] }[] } }
  }
}

const mesh = freshMesh()
const v1alpha3 = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1alpha3', kind, metadata: { name }, spec })
const to = (subset?: string) => ({ route: [{ destination: { host: 'catalog', ...(subset && { subset }) } }] })
const catalogRoutes = (...http: object[]) => v1alpha3('VirtualService', 'catalog', { hosts: ['catalog'], http })

const versions = async (headers: Record<string, string> = {}) => {
  const { calls } = await sendLoad({ ...mesh.call('/api/catalog', headers), rate: 50, until: 60 })
  return new Set(calls.map(({ status, version }) => `${status} ${version}`))
}
const waitForVersions = (wanted: string[], headers: Record<string, string> = {}) =>
  expect.poll(() => versions(headers), { timeout: 40_000, interval: 500 }).toEqual(new Set(wanted))

test('v1alpha3 objects work: a gateway, retries, two versions, a pin to v1, and a dark launch', async () => {
  await mesh.kubectl.applyText(v1alpha3('Gateway', 'outfitters-gateway', {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: [mesh.domain] }]
  }))
  await mesh.kubectl.applyText(v1alpha3('VirtualService', 'webapp-virtualservice', {
    hosts: [mesh.domain],
    gateways: ['outfitters-gateway'],
    http: [{ route: [{ destination: { host: 'webapp', port: { number: 80 } } }] }]
  }))
  await waitForVersions(['200 v1'])

  const retries = { attempts: 3, retryOn: '5xx', perTryTimeout: '2s' }
  await mesh.kubectl.applyText(catalogRoutes({ ...to(), retries }))
  // The book's version 2 sets SHOW_IMAGE, and none of our variables.
  const deployment = await mesh.kubectl.json<Deployment>(['get', 'deployment', 'catalog'])
  deployment.metadata = { name: 'catalog-v2', labels: { app: 'catalog', version: 'v2' } }
  deployment.spec.selector.matchLabels['version'] = 'v2'
  deployment.spec.template.metadata.labels['version'] = 'v2'
  for (const container of deployment.spec.template.spec.containers) {
    container.env = [{ name: 'SHOW_IMAGE', value: 'true' }]
  }
  await mesh.kubectl.applyText(JSON.stringify(deployment))
  await waitForRollout(mesh.kubectl, ['catalog-v2'])
  await waitForVersions(['200 v1', '200 v2'])

  await mesh.kubectl.applyText(v1alpha3('DestinationRule', 'catalog', {
    host: 'catalog',
    subsets: ['v1', 'v2'].map(version => ({ name: `version-${version}`, labels: { version } }))
  }))
  await mesh.kubectl.applyText(catalogRoutes(to('version-v1')))
  await waitForVersions(['200 v1'])

  const match = [{ headers: { 'x-dark-launch': { exact: 'v2' } } }]
  await mesh.kubectl.applyText(catalogRoutes({ match, ...to('version-v2') }, to('version-v1')))
  await waitForVersions(['200 v2'], { 'x-dark-launch': 'v2' })
  await waitForVersions(['200 v1'])
})

import type { Inspect } from '../exercise.ts'
import { inspect, once } from '../steps.ts'
import { all } from '../../judge/statistics.ts'

interface Wait {
  says: string
  /** prints the configuration of a proxy */
  command: string[]
  /** matches the output once the proxy has received the change */
  sign: RegExp
}

/** Reads the configuration of a proxy until the proxy has received a change. */
const waitForConfig = (id: string, name: string, { says, command, sign }: Wait): Inspect =>
  inspect(id, name, { says, command, expected: all, count: ({ output }) => once(sign.test(output)) })

/** Waits until the listeners of a Deployment's proxy match `sign`. The filters of a proxy are in its listeners. */
export const waitForListeners = (
  id: string,
  name: string,
  { says, deployment, namespace, sign }: Omit<Wait, 'command'> & { deployment: string, namespace?: string }
): Inspect => {
  const kubectl = ['kubectl', ...namespace === undefined ? [] : ['-n', namespace]]
  const agent = ['exec', `deploy/${deployment}`, '-c', 'istio-proxy', '--', 'pilot-agent']
  const command = [...kubectl, ...agent, 'request', 'GET', 'config_dump?resource=dynamic_listeners']
  return waitForConfig(id, name, { says, command, sign })
}

const waitForWebapp = (id: string, name: string, what: string[], sign: RegExp): Inspect => waitForConfig(id, name, {
  says: 'Wait until the webapp\'s sidecar has received this change.',
  command: ['istioctl', 'proxy-config', ...what, '-o', 'json'],
  sign
})

/** Waits until the routes of the webapp's sidecar match `sign`. */
export const waitForWebappRoutes = (id: string, name: string, sign: RegExp): Inspect =>
  waitForWebapp(id, name, ['routes', 'deploy/webapp', '-n', 'NAMESPACE', '--name', '80'], sign)

/** Waits until the catalog's cluster in the webapp's sidecar matches `sign`. */
export const waitForCatalogCluster = (id: string, name: string, sign: RegExp): Inspect => {
  const catalog = 'catalog.NAMESPACE.svc.cluster.local'
  return waitForWebapp(id, name, ['clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--fqdn', catalog], sign)
}

/** Waits until the webapp's sidecar has a filter, such as `envoy.filters.http.lua`. */
export const waitForWebappFilter = (filter: string): Inspect =>
  waitForListeners('filter-loaded', 'webapp sidecars with the filter', {
    says: 'Wait until the webapp\'s sidecar has the filter.',
    deployment: 'webapp',
    sign: new RegExp(`"name": "${filter.replaceAll('.', '\\.')}"`)
  })

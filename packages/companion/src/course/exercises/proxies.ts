import type { Inspect } from '../exercise.ts'
import { inspect, once } from '../steps.ts'
import { all } from '../../judge/statistics.ts'

interface Wait {
  says: string
  /** prints the configuration of a proxy */
  command: string[]
  /** matches the output once the proxy has received the change */
  sign: RegExp
  /** what readers should find in the output, if it is not the text of `sign` */
  shows?: string | undefined
}

/** Reads the configuration of a proxy until the proxy has received a change. */
const waitForConfig = (
  id: string, name: string, { says, command, sign, shows = textOf(sign) }: Wait
): Inspect => inspect(id, name, {
  says: `${says} The output then contains ${shows}.`,
  command,
  expected: all,
  count: ({ output }) => once(sign.test(output))
})

/** The text that a simple pattern matches: `"weight": 10` for `/"weight": 10\b/`. */
const textOf = ({ source }: RegExp) => source.replaceAll(/\\b|\\(?=\.)/g, '')

/** Waits until the listeners of a Deployment's proxy match `sign`. The filters of a proxy are in its listeners. */
export const waitForListeners = (
  id: string,
  name: string,
  { says, deployment, namespace, sign, shows }: Omit<Wait, 'command'> & { deployment: string, namespace?: string }
): Inspect => {
  const kubectl = ['kubectl', ...namespace === undefined ? [] : ['-n', namespace]]
  const agent = ['exec', `deploy/${deployment}`, '-c', 'istio-proxy', '--', 'pilot-agent']
  const command = [...kubectl, ...agent, 'request', 'GET', 'config_dump?resource=dynamic_listeners']
  return waitForConfig(id, name, { says, command, sign, shows })
}

const waitForWebapp = (
  id: string, name: string, what: string[], sign: RegExp, shows?: string
): Inspect => waitForConfig(id, name, {
  says: 'Wait until the webapp\'s sidecar has received this change.',
  command: ['istioctl', 'proxy-config', ...what, '-o', 'json'],
  sign,
  shows
})

/** Waits until the routes of the webapp's sidecar match `sign`. */
export const waitForWebappRoutes = (id: string, name: string, sign: RegExp): Inspect =>
  waitForWebapp(id, name, ['routes', 'deploy/webapp', '-n', 'NAMESPACE', '--name', '80'], sign)

/** Waits until the catalog's cluster in the webapp's sidecar matches `sign`. */
export const waitForCatalogCluster = (id: string, name: string, sign: RegExp, shows?: string): Inspect => {
  const catalog = 'catalog.NAMESPACE.svc.cluster.local'
  return waitForWebapp(id, name, ['clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--fqdn', catalog], sign, shows)
}

/** Waits until the webapp's sidecar has a filter, such as `envoy.filters.http.lua`. */
export const waitForWebappFilter = (filter: string): Inspect =>
  waitForListeners('filter-loaded', 'webapp sidecars with the filter', {
    says: 'Wait until the webapp\'s sidecar has received the filter.',
    deployment: 'webapp',
    sign: new RegExp(`"name": "${filter.replaceAll('.', '\\.')}"`)
  })

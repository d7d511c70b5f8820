import type { Inspect } from '../exercise.ts'
import { inspect, once } from '../steps.ts'
import { all } from '../../judge/statistics.ts'

/** Looks into a proxy until the sign is there that it has heard of a change. */
const knows = (id: string, name: string, says: string, command: string[], sign: RegExp): Inspect =>
  inspect(id, name, { says, command, expected: all, count: ({ output }) => once(sign.test(output)) })

/** Until the listeners of a Deployment's proxy, in which are its filters, are like this. */
export const waitForListeners = (id: string, name: string, says: string, deployment: string, sign: RegExp, { namespace }: { namespace?: string } = {}): Inspect =>
  knows(id, name, says, ['kubectl', ...namespace === undefined ? [] : ['-n', namespace], 'exec', deployment, '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'config_dump?resource=dynamic_listeners'], sign)

const ofWebapp = (id: string, name: string, what: string[], sign: RegExp): Inspect =>
  knows(id, name, 'Look into the webapp\'s proxy until it has heard of that.', ['istioctl', 'proxy-config', ...what, '-o', 'json'], sign)

/** Until the routes of the webapp's proxy are like this. */
export const waitForWebappRoutes = (id: string, name: string, sign: RegExp): Inspect => ofWebapp(id, name, ['routes', 'deploy/webapp', '-n', 'NAMESPACE', '--name', '80'], sign)

/** Until what the webapp's proxy knows of the catalog is like this. */
export const waitForCatalogCluster = (id: string, name: string, sign: RegExp): Inspect => ofWebapp(id, name, ['clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--fqdn', 'catalog.NAMESPACE.svc.cluster.local'], sign)

/** Until the webapp's proxy has a filter of Envoy's, as in `envoy.filters.http.lua`. */
export const waitForWebappFilter = (filter: string): Inspect =>
  waitForListeners('filter-loaded', 'the proxy of the webapp has the filter', 'Look into the proxy of the webapp until it has the filter.', 'deploy/webapp', new RegExp(`"name": "${filter.replaceAll('.', '\\.')}"`))

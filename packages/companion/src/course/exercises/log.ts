import type { Step } from '../exercise.ts'
import { apply } from '../steps.ts'
import { waitForListeners } from './proxies.ts'
import { renewConnections } from './traces.ts'

/** Has the proxies of the store write the access log that is read here, whatever log the mesh has. */
export const writeJsonAccessLog: Step[] = [
  apply('components/observability/access-log.yaml', 'Have the proxies write a line of JSON for each request.'),
  waitForListeners('access-log-is-json', 'the webapp\'s proxy writes JSON', 'Look into the proxy of the webapp until it has heard of that.', 'deploy/webapp', /"upstream_host"/),
  ...renewConnections
]

/** A request in a proxy's access log, as components/observability has it written. */
export interface Entry {
  path: string
  /** Envoy's reasons: UT for a timeout, UO for a limit that was reached, NC for a route to a cluster that it does not know, - for none */
  flags: string
  /** the cluster that it was routed to */
  upstream: string | null
}

/** The requests for a path in what `kubectl logs` prints; what else is in the log is left out. */
export function entriesOf (output: string, path: string): Entry[] {
  return output.split('\n').filter(line => /^\{".*\}$/.test(line)).map(line => JSON.parse(line) as Entry).filter(entry => entry.path === path)
}

import type { Step } from '../exercise.ts'
import { apply } from '../steps.ts'
import { waitForListeners } from './proxies.ts'
import { renewConnections } from './traces.ts'

/** Makes the store's sidecars write the access log that `entriesOf` reads, whatever access log the mesh has. */
export const writeJsonAccessLog: Step[] = [
  apply('components/observability/access-log.yaml',
    'Make the sidecars write a line of JSON to their access log for each request.'),
  waitForListeners('access-log-is-json', 'webapp sidecars with the JSON access log', {
    says: 'Wait until the webapp\'s sidecar has received this change.',
    deployment: 'webapp',
    sign: /"upstream_host"/
  }),
  ...renewConnections
]

/** A request in a sidecar's access log, in the format of components/observability/access-log.yaml. */
export interface Entry {
  path: string
  /** Envoy's response flags, such as UT (upstream timeout), UO (upstream overflow) or NC (no cluster); - means none */
  flags: string
  /** the upstream cluster to which the request was routed, if any */
  upstream: string | null
}

/** Returns the requests for a path from the output of `kubectl logs`. It skips lines that are not JSON. */
export function entriesOf (output: string, path: string): Entry[] {
  const lines = output.split('\n').filter(line => /^\{".*\}$/.test(line))
  return lines.map(line => JSON.parse(line) as Entry).filter(entry => entry.path === path)
}

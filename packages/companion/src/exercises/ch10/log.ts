/** A request in a proxy's access log, as components/observability has it written. */
export interface Entry {
  path: string
  /** Envoy's reasons: UT for a timeout, NC for a route to a cluster that it does not know, - for none */
  flags: string
  /** the cluster that it was routed to */
  upstream: string | null
}

/** The requests for a path in what `kubectl logs` prints; what else is in the log is left out. */
export function entriesOf (output: string, path: string): Entry[] {
  return output.split('\n').filter(line => /^\{".*\}$/.test(line)).map(line => JSON.parse(line) as Entry).filter(entry => entry.path === path)
}

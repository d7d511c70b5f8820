import { inspect, type Inspect } from '../../exercise.ts'
import { all } from '../../judgement.ts'

/** Waits until the webapp's proxy has a filter of Envoy's, as in `envoy.filters.http.lua`. */
export const webappHas = (filter: string): Inspect => inspect('the proxy of the webapp has the filter', {
  says: 'Look into the proxy of the webapp until it has the filter.',
  command: ['kubectl', 'exec', 'deploy/webapp', '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'config_dump?resource=dynamic_listeners'],
  expected: all,
  count: output => ({ count: output.includes(`"name": "${filter}"`) ? 1 : 0, of: 1 })
})

import { inspect, type Inspect } from '../exercise.ts'
import { all } from '../judgement.ts'

/** Waits until the routes of the webapp's proxy are like this. */
export const webappRoutesBy = (name: string, sign: RegExp): Inspect => inspect(name, {
  says: 'Look into the webapp\'s proxy until it has heard of that.',
  command: ['istioctl', 'proxy-config', 'routes', 'deploy/webapp', '-n', 'NAMESPACE', '--name', '80', '-o', 'json'],
  expected: all,
  count: output => ({ count: sign.test(output) ? 1 : 0, of: 1 })
})

/** Waits until what the webapp's proxy knows of the catalog is like this. */
export const webappCallsBy = (name: string, sign: RegExp): Inspect => inspect(name, {
  says: 'Look into the webapp\'s proxy until it has heard of that.',
  command: ['istioctl', 'proxy-config', 'clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--fqdn', 'catalog.NAMESPACE.svc.cluster.local', '-o', 'json'],
  expected: all,
  count: output => ({ count: sign.test(output) ? 1 : 0, of: 1 })
})

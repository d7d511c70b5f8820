import type { Inspect } from '../../exercise.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { entriesOf } from '../log.ts'

/** Whether each of the last load's calls that are so has its line with the flag UO in the access log of the webapp's proxy. */
export const overflowsOf = (is: (call: Call) => boolean): Omit<Inspect, 'kind' | 'id' | 'name'> => ({
  says: 'Read the access log of the webapp\'s proxy: it has refused them, and the catalog has not heard of them.',
  command: ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=SINCE'],
  expected: all,
  count ({ output, calls }) {
    const of = calls.filter(is).length
    return { count: Math.min(of, entriesOf(output, '/items').filter(({ flags }) => flags === 'UO').length), of }
  }
})

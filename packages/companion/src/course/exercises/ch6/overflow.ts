import { inspect } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'
import { entriesOf } from '../log.ts'

/** Expects a line with the response flag UO in the access log of the webapp's sidecar for each failed call. */
export const refusalsInAccessLog = inspect('refusals-flagged', 'refused calls with the flag UO in the access log', {
  says: 'Read the access log of the webapp\'s sidecar. The response flag UO marks the calls that the sidecar ' +
    'refused. They did not reach the catalog.',
  command: ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=SINCE'],
  expected: all,
  count ({ output, calls }) {
    const of = calls.filter(failed).length
    return { count: Math.min(of, entriesOf(output, '/items').filter(({ flags }) => flags === 'UO').length), of }
  }
})

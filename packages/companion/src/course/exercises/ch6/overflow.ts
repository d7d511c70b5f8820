import { inspect } from '../../steps.ts'
import { around } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'
import { entriesOf } from '../log.ts'

/**
 * Expects a line with the response flag UO in the access log of the webapp's sidecar for the failed calls. Single lines
 * may be missing: a call can also fail for another reason, and other output can break a line of the log.
 */
export const refusalsInAccessLog = inspect('refusals-flagged', 'refused calls with the flag UO in the access log', {
  says: 'Read the access log of the webapp\'s sidecar. The response flag UO marks the calls that the sidecar ' +
    'refused. They did not reach the catalog.',
  command: ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=SINCE'],
  expected: around(1, { low: 0.9, high: 1 }),
  count ({ output, calls }) {
    const of = calls.filter(failed).length
    return { count: Math.min(of, entriesOf(output, '/items').filter(({ flags }) => flags === 'UO').length), of }
  }
})

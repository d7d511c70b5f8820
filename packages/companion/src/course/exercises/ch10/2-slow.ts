import { otherFault, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load, share } from '../../steps.ts'
import type { Call } from '../../../judge/load.ts'
import { about, all, around } from '../../../judge/statistics.ts'
import { failed, from, receivedStatus } from '../calls.ts'
import { entriesOf, writeJsonAccessLog } from '../log.ts'

/** The timeout of the VirtualService, in milliseconds, less one: timers may be early by one millisecond. */
const TIMEOUT = 499

const reachedTimeout = ({ duration }: Call) => duration > TIMEOUT

const READ_ACCESS_LOG = ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=1m']

const timeoutsIn = (output: string) => entriesOf(output, '/items').filter(({ flags }) => flags === 'UT')

export default {
  id: 'ch10.slow',
  title: 'Find the slow pod',
  aim: 'One call in five fails after half a second. The access log of the caller\'s sidecar shows that these calls ' +
    'timed out, and which pod did not answer in time.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    ...writeJsonAccessLog,
    apply('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'Define a subset for each version of the catalog.'),
    apply('istio/ch10/catalog-virtualservice-timeout.yaml',
      'Send one call in five to version 2, and set a timeout of half a second for calls to the catalog.'),
    fault('latency 1000 --version v2', 'Delay every answer of version 2 by one second.'),
    load('fifth-fails', '/api/catalog', {
      says: 'Send requests. One call in five fails.',
      arrived: { seen: call => failed(call) && reachedTimeout(call) }
    }),
    expect('calls-fail', 'failed calls', about(1 / 5, { tellFrom: [3 / 10] }), failed, { tolerates: 200 }),
    expect('failures-took-timeout', 'failed calls that took half a second or more', all, reachedTimeout, {
      among: failed
    }),
    expect('failures-heard-504', 'failed calls for which the webapp reports a 504', all, receivedStatus(504), {
      among: failed
    }),
    inspect('timeouts-in-access-log', 'failed calls that the access log shows as timeouts', {
      says: 'Read the access log of the webapp\'s sidecar. The response flag UT (upstream timeout) marks the calls ' +
        'that timed out.',
      command: READ_ACCESS_LOG,
      expected: all,
      count: ({ output, calls }) => {
        const { count } = share(calls, failed)
        // The log also has the calls that waited for the change.
        return { count: Math.min(timeoutsIn(output).length, count), of: count }
      }
    }),
    inspect('timeouts-from-v2', 'timed-out calls that went to version 2', {
      says: 'Read the same log again. The upstream cluster of the calls that timed out names version 2.',
      command: READ_ACCESS_LOG,
      // If the version did not matter, this would be one in five. On a busy machine, version 1 is sometimes late too.
      expected: around(1, { low: 0.7, high: 1 }),
      count: ({ output }) => share(timeoutsIn(output), ({ upstream }) => upstream?.includes('version-v2') === true)
    }),
    apply('istio/ch2/catalog-virtualservice-all-v1.yaml', 'Route all calls to version 1.'),
    load('without-v2', '/api/catalog', { says: 'Send requests. All calls succeed.', arrived: { only: from('v1') } }),
    expect('v1-answers', 'answers from version 1', all, from('v1'))
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy | grep \'"UT"\'`: `upstream_host` is the address of the slow pod. ' +
      '`kubectl get pods -l app=catalog -o wide` shows the pod with this address.',
    '`kubectl logs deploy/catalog-v2 -c catalog` also shows the slow answers, with `"fault"`. Version 2 kept ' +
      'working on them although the caller no longer waited.',
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request POST \'logging?http=debug\'` makes the ' +
      'sidecar log more details of each call. The same command with `logging?http=warning` ends this.'
  ],
  controls: [
    otherFault('fault-latency-1000-version-v2', 'latency 100 --version v2', 'calls-fail'),
    withhold('istio/ch10/catalog-virtualservice-timeout.yaml', 'calls-fail')
  ]
} satisfies Exercise

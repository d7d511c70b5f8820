import { otherFault, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load, share } from '../../steps.ts'
import { about, all, around } from '../../../judge/statistics.ts'
import { failed, from, receivedStatus } from '../calls.ts'
import { entriesOf, writeJsonAccessLog } from '../log.ts'

/** What the VirtualService allows, in milliseconds; timers may be early by one. */
const TIMEOUT = 499

const LOG = ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=1m']

const timeouts = (output: string) => entriesOf(output, '/items').filter(({ flags }) => flags === 'UT')

export default {
  id: 'ch10.slow',
  title: 'Find the pod that is too slow',
  aim: 'One call in five fails after half a second. The access log of the caller\'s proxy tells that it was a timeout, and who was waited for.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    ...writeJsonAccessLog,
    apply('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'Make the subsets.'),
    apply('istio/ch10/catalog-virtualservice-timeout.yaml', 'Send one call in five to version 2, and wait for half a second at most.'),
    fault('latency 1000 --version v2', 'Slow down every answer of version 2 by a second. Nobody is told.'),
    load('fifth-fails', '/api/catalog', { says: 'One call in five fails.', arrived: { seen: call => failed(call) && call.duration > TIMEOUT } }),
    expect('calls-fail', 'calls that fail', about(1 / 5, { tellFrom: [3 / 10] }), failed, { bears: 200 }),
    expect('failures-took-timeout', 'failed calls that took half a second', all, ({ duration }) => duration > TIMEOUT, { among: failed }),
    expect('failures-heard-504', 'failed calls of which the webapp says that it heard a 504', all, receivedStatus(504), { among: failed }),
    inspect('timeouts-in-access-log', 'failed calls that the access log calls timeouts', {
      says: 'Read the access log of the webapp\'s proxy: the flag UT says that the upstream has taken too long.',
      command: LOG,
      expected: all,
      count: ({ output, calls }) => {
        const { count } = share(calls, failed)
        return { count: Math.min(timeouts(output).length, count), of: count } // those are in it as well by which the change was waited for
      }
    }),
    inspect('timeouts-from-v2', 'timeouts for which version 2 is to blame', {
      says: 'It tells as well where they were sent.',
      command: LOG,
      expected: around(1, { low: 0.7, high: 1 }), // were it no matter of the version, one in five; on a busy machine version 1 is late as well for a moment
      count: ({ output }) => share(timeouts(output), ({ upstream }) => upstream?.includes('version-v2') === true)
    }),
    apply('istio/ch2/catalog-virtualservice-all-v1.yaml', 'Take version 2 out of the way until it is mended.'),
    load('without-v2', '/api/catalog', { says: 'Everything gets through.', arrived: { only: from('v1') } }),
    expect('v1-answers', 'calls that version 1 answers', all, from('v1'))
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy | grep \'"UT"\'`: `upstream_host` names the pod by its address; `kubectl get pods -l app=catalog -o wide` has it.',
    '`kubectl logs deploy/catalog-v2 -c catalog`: the slow answers are in it as well, with `"fault"`: the service has gone on working for who had gone away.',
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request POST \'logging?http=debug\'`: when the log says too little. `logging?http=warning` ends it.'
  ],
  controls: [
    otherFault('fault-latency-1000-version-v2', 'latency 100 --version v2', 'calls-fail'),
    withhold('istio/ch10/catalog-virtualservice-timeout.yaml', 'calls-fail')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, all, none } from '../../../judge/statistics.ts'
import { failed, hasNoImages, receivedStatus } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'

/**
 * The catalog's latency, in milliseconds. It is four times the timeout, so that even a busy machine does not blur the
 * difference between a slow call and one that the timeout has ended.
 */
const SLOW = 2000

export default {
  id: 'ch6.timeout',
  title: 'Limit the wait with a timeout',
  aim: 'A timeout ends calls that take too long: here, the caller gets an error after half a second. Without a ' +
    'timeout, the caller waits as long as the called service takes, and its own callers wait too.',
  needs: ['store', 'gateway'],
  steps: [
    fault(`latency ${SLOW}`, 'Delay every answer of the catalog by two seconds.'),
    load('all-slow', '/api/catalog', { says: 'Send requests. All calls succeed, and all are slow.', rate: 50 }),
    expect('slow-calls-succeed', 'calls that succeed after two seconds or more', all, call =>
      hasNoImages(call) && call.duration >= SLOW),
    apply('istio/ch6/catalog-vs-timeout.yaml', 'Set a timeout of half a second for calls to the catalog.'),
    waitForWebappRoutes('proxy-has-timeout', 'webapp sidecars with the timeout', /"timeout": "0\.500s"/),
    load('timed-out', '/api/catalog', { says: 'Send requests. All calls fail, and they fail quickly.', rate: 50 }),
    expect('calls-fail-early', 'calls that fail in less than two seconds', all, call =>
      failed(call) && call.duration < SLOW, { tolerates: 500 }),
    expect('failures-after-timeout', 'failed calls that took half a second or more', all, ({ duration }) =>
      duration >= 500, { among: failed }),
    expect('failures-heard-504', 'failed calls for which the webapp reports a 504', all, receivedStatus(504), {
      among: failed
    }),
    fault(`latency ${SLOW} 50`, 'Delay only half of the catalog\'s answers.'),
    load('half-slow', '/api/catalog', { says: 'Send requests. Half of the calls fail, and none is slow.', rate: 50 }),
    expect('calls-fail', 'failed calls when half of the answers are slow', about(1 / 2, { tellFrom: [0.75] }), failed, {
      tolerates: 200 // the other half must be answered within half a second
    }),
    expect('no-slow-calls', 'calls that take two seconds or more', none, ({ duration }) =>
      duration >= SLOW, { tolerates: 500 })
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy`: if the mesh writes an access log, it shows 504 with the response ' +
      'flag `UT`, which means upstream timeout.',
    '`curl -i localhost:8080/api/catalog`: the webapp turns the 504 into a 500. The header `proxy-status: ' +
      'outfitters; received-status=504` still shows the status that the webapp received.',
    'The webapp\'s own timeout (`UPSTREAM_TIMEOUT_MS`, 15 seconds) is longer than any timeout that the mesh sets, ' +
      'so the mesh decides.'
  ],
  controls: [withhold('istio/ch6/catalog-vs-timeout.yaml', 'calls-fail-early')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, all, none } from '../../../judge/statistics.ts'
import { failed, hasNoImages, receivedStatus } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'

/** What the catalog takes without the timeout, in milliseconds: four times as long as the timeout, so that even on a busy machine nobody takes one for the other. */
const SLOW = 2000

export default {
  id: 'ch6.timeout',
  title: 'Do not wait for ever',
  aim: 'A timeout ends what takes too long: the caller hears of it after half a second, in place of holding a connection, and its own callers, for as long as the slowest pod likes.',
  needs: ['store', 'gateway'],
  steps: [
    fault(`latency ${SLOW}`, 'Let every answer of the catalog take two seconds.'),
    load('all-slow', '/api/catalog', { says: 'All calls get through, and all are slow.', rate: 50 }),
    expect('slow-calls-succeed', 'calls that take two seconds, and succeed', all, call => hasNoImages(call) && call.duration >= SLOW),
    apply('istio/ch6/catalog-vs-timeout.yaml', 'Wait half a second for the catalog, and no longer.'),
    waitForWebappRoutes('proxy-has-timeout', 'the webapp\'s proxy has the timeout', /"timeout": "0\.500s"/),
    load('timed-out', '/api/catalog', { says: 'All calls fail, and quickly.', rate: 50 }),
    expect('calls-fail-early', 'calls that fail in less than two seconds', all, call => failed(call) && call.duration < SLOW, { bears: 500 }),
    expect('failures-after-timeout', 'failures after half a second', all, ({ duration }) => duration >= 500, { among: failed }),
    expect('failures-heard-504', 'failures of which the webapp says that it heard a 504', all, receivedStatus(504), { among: failed }),
    fault(`latency ${SLOW} 50`, 'Let half of the answers be slow.'),
    load('half-slow', '/api/catalog', { says: 'Half of the calls fail, and none is slow.', rate: 50 }),
    expect('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.75] }), failed, { bears: 200 }), // the quick half has half a second
    expect('no-slow-calls', 'calls that take two seconds or more', none, ({ duration }) => duration >= SLOW, { bears: 500 })
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy`: 504 with the flag `UT`, upstream timeout.',
    '`curl -i localhost:8080/api/catalog`: the webapp makes a 500 of the 504, with a text that does not say why. `proxy-status: outfitters; received-status=504` does.',
    'Its own timeout (`UPSTREAM_TIMEOUT_MS`, 15 seconds) is longer than any that the mesh sets, so that the mesh decides.'
  ],
  controls: [withhold('istio/ch6/catalog-vs-timeout.yaml', 'calls-fail-early')]
} satisfies Exercise

import { apply, expect, fault, load, withhold, type Exercise } from '../../exercise.ts'
import { about, all } from '../../judgement.ts'
import { failed, hasNone } from '../ch2/calls.ts'
import { webappRoutesBy } from '../proxies.ts'

export default {
  id: 'ch6.timeout',
  title: 'Do not wait for ever',
  aim: 'A timeout ends what takes too long: the caller hears of it after half a second, in place of holding a connection, and its own callers, for as long as the slowest pod likes.',
  needs: ['store', 'gateway'],
  steps: [
    fault('latency 1000', 'Let every answer of the catalog take a second.'),
    load('/api/catalog', { says: 'All calls get through, and all are slow.', rate: 50 }),
    expect('calls that take a second, and succeed', all, call => hasNone(call) && call.duration >= 1000),
    apply('istio/ch6/catalog-vs-timeout.yaml', 'Wait half a second for the catalog, and no longer.'),
    webappRoutesBy('the webapp\'s proxy has the timeout', /"timeout": "0\.500s"/),
    load('/api/catalog', { says: 'All calls fail, and quickly.', rate: 50 }),
    expect('calls that fail in less than a second', all, call => failed(call) && call.duration < 1000),
    expect('failures after half a second', all, ({ duration }) => duration >= 500, { among: failed }),
    fault('latency 1000 50', 'Let half of the answers be slow.'),
    load('/api/catalog', { says: 'Half of the calls fail, and none is slow.', rate: 50 }),
    expect('calls that fail', about(1 / 2, { tellFrom: [0.75] }), failed)
  ],
  look: [
    '`kubectl logs deploy/webapp -c istio-proxy`: 504 with the flag `UT`, upstream timeout.',
    'The webapp makes a 500 of the 504: who asks it hears that the catalog could not be called, and not why.',
    'Its own timeout (`UPSTREAM_TIMEOUT_MS`, 15 seconds) is longer than any that the mesh sets, so that the mesh decides.'
  ],
  controls: [withhold('istio/ch6/catalog-vs-timeout.yaml', 'calls that fail in less than a second')]
} satisfies Exercise

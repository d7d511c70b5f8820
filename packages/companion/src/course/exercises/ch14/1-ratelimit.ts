import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'
import { waitForWebappFilter } from '../proxies.ts'

/** The filter has counted the call: it says so in a header of the answer. */
const isCounted = ({ headers }: Call) => headers['x-ratelimit-limit'] !== undefined

const refused = ({ status, body }: Call) => status === 429 && body === 'local_rate_limited'

/**
 * The load must empty the token bucket quickly. In 15 seconds, a quarter of the tokens come back, which the bands
 * allow for. In a minute, all of them come back.
 */
const emptyBucket = { rate: 100, within: 15_000, recovers: 60_000 }

export default {
  id: 'ch14.ratelimit',
  title: 'Limit the rate of calls by loyalty card',
  aim: 'An EnvoyFilter can add an Envoy filter for which Istio has no API. The filter in this exercise limits the ' +
    'rate of calls to the webapp. The limit depends on the header x-loyalty, and calls above it get a 429.',
  needs: ['store', 'gateway'],
  istio: '1.24',
  steps: [
    apply('istio/ch14/webapp-ratelimit.yaml',
      'Allow 40 calls a minute without a card, 120 with a silver card, and any number with a gold card.'),
    waitForWebappFilter('envoy.filters.http.local_ratelimit'),
    load('gold-card', '/api/catalog', {
      says: 'Send requests with a gold card. All calls get through. The proxies also close the connections from ' +
        'before the change: each of these serves one more request, without the filter.',
      headers: { 'x-loyalty': 'gold' },
      arrived: { only: isCounted }
    }),
    expect('gold-card-passes', 'calls with a gold card that get through', all, answered),
    load('no-card', '/api/catalog', {
      says: 'Send requests without a card. The first 40 calls get through. The filter allows another 40 over the ' +
        'next minute, so a few more calls get through.',
      ...emptyBucket
    }),
    expect('no-card-limited', 'calls without a card that get through',
      around(1 / 5, { low: 0.19, high: 0.26 }), answered),
    expect('others-refused', 'other calls that are refused with 429', all, refused, {
      among: call => !answered(call)
    }),
    load('silver-card', '/api/catalog', {
      says: 'Send requests with a silver card. Three times as many calls get through.',
      headers: { 'x-loyalty': 'silver' },
      ...emptyBucket
    }),
    expect('silver-card-limited', 'calls with a silver card that get through',
      around(3 / 5, { low: 0.58, high: 0.76 }), answered)
  ],
  look: [
    '`curl -i localhost:8080/api/catalog`: the header `x-ratelimit-remaining` shows how many calls are left.',
    '`curl -i localhost:8080/api/catalog`: a 429 comes from the sidecar. Such a call does not reach the webapp, and ' +
      '`kubectl logs deploy/webapp -c webapp` does not show it.',
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: ' +
      'the filter is the last one before the router.',
    'The book uses a rate limit service (`envoy.filters.http.ratelimit`), which needs an image and a Redis. It ' +
      'counts for all pods together. Here, each sidecar counts its own calls: with two webapp pods, twice as many ' +
      'calls get through.'
  ],
  controls: [
    withhold('istio/ch14/webapp-ratelimit.yaml', 'no-card-limited'),
    otherHeaders('silver-card', { 'x-loyalty': 'bronze' }, 'silver-card-limited')
  ]
} satisfies Exercise

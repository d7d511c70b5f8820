import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'
import { waitForWebappFilter } from '../proxies.ts'

const refused = ({ status, body }: Call) => status === 429 && body === 'local_rate_limited'

/**
 * The load must empty the bucket quickly: 15 seconds refill a quarter of it, which the bands allow for. A minute
 * refills all of it.
 */
const bucket = { rate: 100, within: 15_000, recovers: 60_000 }

export default {
  id: 'ch14.ratelimit',
  title: 'Who has a card may ask more often',
  aim: 'An EnvoyFilter puts a filter of Envoy\'s before a service for which Istio has no API: this one limits how many calls it takes, by the header x-loyalty, and refuses the rest with 429.',
  needs: ['store', 'gateway'],
  istio: '1.24',
  steps: [
    apply('istio/ch14/webapp-ratelimit.yaml', 'Allow 40 calls a minute, 120 with a silver card, and any number with a golden one.'),
    waitForWebappFilter('envoy.filters.http.local_ratelimit'),
    load('gold-card', '/api/catalog', { says: 'With the golden card everything gets through. Connections from before the filter are closed by this as well: each serves one more request without it.', headers: { 'x-loyalty': 'gold' } }),
    expect('gold-card-passes', 'calls with the golden card that get through', all, answered),
    load('no-card', '/api/catalog', { says: 'Without a card 40 get through, and a few more while it goes on: tokens come back evenly, 40 in a minute.', ...bucket }),
    expect('no-card-limited', 'calls without a card that get through', around(1 / 10, { low: 0.09, high: 0.15 }), answered),
    expect('others-refused', 'other calls that are refused with 429', all, refused, { among: call => !answered(call) }),
    load('silver-card', '/api/catalog', { says: 'With a silver card it is three times as many.', headers: { 'x-loyalty': 'silver' }, ...bucket }),
    expect('silver-card-limited', 'calls with a silver card that get through', around(3 / 10, { low: 0.28, high: 0.4 }), answered)
  ],
  look: [
    '`curl -i localhost:8080/api/catalog`: 429 has come from the proxy; the webapp has not been asked, and `kubectl logs deploy/webapp -c webapp` has nothing of it.',
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: the filter is the last one before the router.',
    'The book asks a rate limit service (`envoy.filters.http.ratelimit`, an image and a Redis), which counts for all pods together. Here each proxy counts by itself: with two pods of the webapp twice as many calls get through.'
  ],
  controls: [
    withhold('istio/ch14/webapp-ratelimit.yaml', 'no-card-limited'),
    otherHeaders('silver-card', { 'x-loyalty': 'bronze' }, 'silver-card-limited')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, none } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'

export default {
  id: 'ch6.retry-codes',
  title: 'Retry what is worth it',
  aim: 'Which answers are worth another attempt is for the route to say: here 429, which Istio does not retry by itself, and not the 500 of a catalog that is broken.',
  needs: ['store', 'gateway'],
  steps: [
    fault('abort 429 50', 'Let half of the catalog\'s answers be 429.'),
    apply('istio/ch6/catalog-vs-retry-codes.yaml', 'Let the proxies try three more times at 429.'),
    load('retried-429', '/api/catalog', { says: 'Most of the calls get through.', arrived: { seen: ({ attempt = 1 }) => attempt > 1 } }),
    expect('calls-fail-by-429', 'calls that fail by 429', about(1 / 16, { tellFrom: [1 / 4] }), failed),
    fault('abort delete', 'Let it answer again,'),
    fault('500 50', 'and let half of the answers be 500.'),
    load('not-retried-500', '/api/catalog', { says: 'Nobody tries again.' }),
    expect('calls-fail-by-500', 'calls that fail by 500', about(1 / 2, { tellFrom: [1 / 4] }), failed),
    expect('no-second-attempt', 'calls with a second attempt', none, ({ attempt = 1 }) => attempt > 1)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: `retriableStatusCodes`.',
    'In place of a number, `retryOn` takes names: `connect-failure`, `refused-stream`, `reset`, `5xx`, `gateway-error`, `retriable-4xx` and others of Envoy\'s.',
    'The book needs an EnvoyFilter for codes beyond those; a number in `retryOn` does it.'
  ],
  controls: [withhold('istio/ch6/catalog-vs-retry-codes.yaml', 'calls-fail-by-429')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, none } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'

export default {
  id: 'ch6.retry-codes',
  title: 'Choose which answers to retry',
  aim: 'A VirtualService lists the answers after which the sidecars retry a call. Here, they retry after a 429, ' +
    'which Istio does not do by default. They do not retry after a 500, so calls to a broken catalog fail at once.',
  needs: ['store', 'gateway'],
  steps: [
    fault('abort 429 50', 'Make the catalog answer half of the calls with 429.'),
    apply('istio/ch6/catalog-vs-retry-codes.yaml', 'Make the sidecars retry a call up to three times after a 429.'),
    load('retried-429', '/api/catalog', {
      says: 'Send requests. Most calls succeed, many of them only after a retry.',
      arrived: { seen: ({ attempt = 1 }) => attempt > 1 }
    }),
    expect('calls-fail-by-429', 'failed calls when the catalog answers with 429',
      about(1 / 16, { tellFrom: [1 / 4] }), failed),
    fault('abort delete', 'Remove the fault that answers with 429.'),
    fault('500 50', 'Make the catalog answer half of the calls with 500.'),
    load('not-retried-500', '/api/catalog', {
      says: 'Send requests. Half of the calls fail, and the sidecars retry ' +
      'none of them.'
    }),
    expect('calls-fail-by-500', 'failed calls when the catalog answers with 500',
      about(1 / 2, { tellFrom: [1 / 4] }), failed),
    expect('no-second-attempt', 'calls that had a second attempt', none, ({ attempt = 1 }) => attempt > 1)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml` shows the status code in `retriableStatusCodes`.',
    'Instead of a number, `retryOn` also takes Envoy\'s names: `connect-failure`, `refused-stream`, `reset`, `5xx`, ' +
      '`gateway-error`, `retriable-4xx` and others.',
    'The book uses an EnvoyFilter to retry after other status codes. A number in `retryOn` does the same.'
  ],
  controls: [withhold('istio/ch6/catalog-vs-retry-codes.yaml', 'calls-fail-by-429')]
} satisfies Exercise

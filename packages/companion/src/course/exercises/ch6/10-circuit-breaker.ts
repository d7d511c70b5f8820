import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'
import { writeJsonAccessLog } from '../log.ts'
import { waitForCatalogCluster } from '../proxies.ts'
import { refusalsInAccessLog } from './overflow.ts'

export default {
  id: 'ch6.circuit-breaker',
  title: 'Open a circuit breaker under load, and close it again',
  aim: 'The circuit breaker limits the concurrent calls to the catalog. The sidecar refuses calls above the limit ' +
    'before they reach the catalog, and the other calls succeed. When the load falls, all calls succeed again.',
  needs: ['store', 'gateway'],
  steps: [
    ...writeJsonAccessLog,
    fault('latency 200', 'Delay every answer of the catalog by 200 ms.'),
    apply('istio/ch6/catalog-dr-circuit-breaker.yaml', 'Allow ten concurrent calls to the catalog.'),
    waitForCatalogCluster('proxy-has-limit', 'webapp sidecars with the limit', /"maxRequests": 10\b/),
    load('below-limit', '/api/catalog', {
      says: 'Send requests, about four of them at the same time. All calls succeed.',
      rate: 20
    }),
    expect('below-limit-answered', 'calls that succeed below the limit', all, answered, {
      tolerates: 250 // late calls add up, and the limit has room for six more
    }),
    load('above-limit', '/api/catalog', {
      says: 'Send requests, about twenty of them at the same time. About half exceed the limit.',
      rate: 100
    }),
    expect('above-limit-refused', 'refused calls under high load',
      around(0.5, { low: 0.25, high: 0.7 }), failed, { tolerates: 300 }),
    expect('others-answered', 'other calls under high load that succeed', all, answered, {
      among: call => !failed(call)
    }),
    refusalsInAccessLog,
    load('below-again', '/api/catalog', {
      says: 'Send requests, again about four of them at the same time. All calls succeed.',
      rate: 20
    }),
    expect('below-again-answered', 'calls that succeed after the load has fallen', all, answered, { tolerates: 250 })
  ],
  look: [
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml` shows the ' +
      'limit in `circuitBreakers`.',
    'The limit is `http2MaxRequests` in the DestinationRule. Despite its name, it also limits calls over HTTP/1.1.',
    'Each sidecar has a limit of its own: with three webapp pods, the catalog gets three times as many calls.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-circuit-breaker.yaml', 'above-limit-refused')]
} satisfies Exercise

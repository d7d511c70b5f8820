import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'
import { writeJsonAccessLog } from '../log.ts'
import { waitForCatalogCluster } from '../proxies.ts'
import { overflowsOf } from './overflow.ts'

export default {
  id: 'ch6.circuit-breaker',
  title: 'Break the circuit under load, and close it after',
  aim: 'More calls at once than the catalog can bear are refused before they reach it; the others go on to be answered. When the load falls, nothing is refused any more.',
  needs: ['store', 'gateway'],
  steps: [
    ...writeJsonAccessLog,
    fault('latency 200', 'Let every answer of the catalog take 200 ms.'),
    apply('istio/ch6/catalog-dr-circuit-breaker.yaml', 'Allow ten calls at once.'),
    waitForCatalogCluster('proxy-has-limit', 'the webapp\'s proxy has the limit', /"maxRequests": 10\b/),
    load('below-limit', '/api/catalog', { says: 'Two at once: all get through.', rate: 10 }),
    expect('below-limit-answered', 'calls that are answered below the limit', all, answered, { bears: 400 }), // eight more at once would be too many
    load('above-limit', '/api/catalog', { says: 'Twenty at once: half of them are too many.', rate: 100 }),
    expect('above-limit-refused', 'calls that are refused above it', around(0.5, { low: 0.25, high: 0.7 }), failed, { bears: 300 }),
    expect('others-answered', 'the others, that are answered', all, answered, { among: call => !failed(call) }),
    inspect('refusals-flagged', 'refusals by the webapp\'s own proxy, flagged UO', overflowsOf(failed)),
    load('below-again', '/api/catalog', { says: 'Two at once again: all get through.', rate: 10 }),
    expect('below-again-answered', 'calls that are answered when the load has fallen', all, answered, { bears: 400 })
  ],
  look: [
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `circuitBreakers`.',
    '`http2MaxRequests` counts calls of HTTP/1.1 as well, whatever its name says.',
    'Limits are kept by each proxy for itself: with three webapps the catalog gets three times as many.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-circuit-breaker.yaml', 'above-limit-refused')]
} satisfies Exercise

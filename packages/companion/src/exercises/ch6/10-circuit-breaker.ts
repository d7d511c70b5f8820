import { apply, expect, fault, inspect, load, withhold, type Exercise } from '../../exercise.ts'
import { all, around } from '../../judgement.ts'
import { failed } from '../ch2/calls.ts'
import { proxiesWriteJson } from '../log.ts'
import { webappCallsBy } from '../proxies.ts'
import { overflowsOf } from './overflow.ts'

const answered = ({ status }: { status: number }) => status === 200

export default {
  id: 'ch6.circuit-breaker',
  title: 'Break the circuit under load, and close it after',
  aim: 'More calls at once than the catalog can bear are refused before they reach it; the others go on to be answered. When the load falls, nothing is refused any more.',
  needs: ['store', 'gateway'],
  steps: [
    ...proxiesWriteJson,
    fault('latency 200', 'Let every answer of the catalog take 200 ms.'),
    apply('istio/ch6/catalog-dr-circuit-breaker.yaml', 'Allow ten calls at once.'),
    webappCallsBy('the webapp\'s proxy has the limit', /"maxRequests": 10\b/),
    load('/api/catalog', { says: 'Two at once: all get through.', rate: 10 }),
    expect('calls that are answered below the limit', all, answered, { bears: 400 }), // eight more at once would be too many
    load('/api/catalog', { says: 'Twenty at once: half of them are too many.', rate: 100 }),
    expect('calls that are refused above it', around(0.5, { low: 0.25, high: 0.7 }), failed, { bears: 300 }),
    expect('the others, that are answered', all, answered, { among: call => !failed(call) }),
    inspect('refusals by the webapp\'s own proxy, flagged UO', overflowsOf(failed)),
    load('/api/catalog', { says: 'Two at once again: all get through.', rate: 10 }),
    expect('calls that are answered when the load has fallen', all, answered, { bears: 400 })
  ],
  look: [
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `circuitBreakers`.',
    '`http2MaxRequests` counts calls of HTTP/1.1 as well, whatever its name says.',
    'Limits are kept by each proxy for itself: with three webapps the catalog gets three times as many.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-circuit-breaker.yaml', 'calls that are refused above it')]
} satisfies Exercise

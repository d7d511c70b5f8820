import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, inspect, load, share } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { renewConnections, GATEWAY, waitForGatewayTelemetry, isRoutedTo, tracesIn, queryTraces } from '../traces.ts'

export default {
  id: 'ch8.sampling',
  title: 'A trace for one request in ten, and for the one that matters',
  aim: 'Traces cost, so only a share of the requests begins one; a header asks for one all the same.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-sampling.yaml', 'Let one request in ten begin a trace.'),
    waitForGatewayTelemetry(/"random_sampling": \{\s*"value": 10\b/),
    ...renewConnections,
    load('sampled-calls', '/api/catalog', { says: 'Most of these leave no trace.' }),
    inspect('calls-traced', 'requests that have left a trace', {
      says: 'Ask Jaeger how many there are, when the last ones have come in.',
      command: queryTraces(GATEWAY),
      expected: about(1 / 10, { tellFrom: [1 / 5] }),
      count: ({ output, namespace, calls }) => ({ count: share(tracesIn(output), trace => isRoutedTo(trace, namespace)).count, of: calls.length })
    }),
    load('client-traces', '/api/catalog', { says: 'Ask for a trace of each of these, as a client from outside may.', headers: { 'x-client-trace-id': 'outfitters' } }),
    inspect('client-calls-traced', 'requests with x-client-trace-id that have left a trace', {
      says: 'Now there is one for each.',
      command: queryTraces(GATEWAY),
      expected: all,
      count: ({ output, namespace, calls }) => ({ count: share(tracesIn(output), trace => isRoutedTo(trace, namespace)).count, of: calls.length })
    })
  ],
  look: [
    '`kubectl -n istio-system get telemetry outfitters-gateway -o yaml`: the share is a percentage.',
    'The book forces a trace with `x-envoy-force-trace`. Today\'s Envoy believes that header only from addresses that its configuration calls internal, and by default it calls none so.'
  ],
  controls: [withhold('istio/ch8/gateway-sampling.yaml', 'calls-traced')]
} satisfies Exercise

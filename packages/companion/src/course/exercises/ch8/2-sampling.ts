import { withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, inspect, load, share } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { GATEWAY, isRoutedTo, queryTraces, renewConnections, tracesIn, waitForGatewayTelemetry } from '../traces.ts'

/** For how many of the calls there is a trace. */
const countTracedCalls = ({ output, namespace, calls }: Observed) => ({
  count: share(tracesIn(output), trace => isRoutedTo(trace, namespace)).count,
  of: calls.length
})

export default {
  id: 'ch8.sampling',
  title: 'Trace one request in ten, and any request on demand',
  aim: 'Traces have a cost, so only a sample of the requests begins one. ' +
    'With a header, a client can still ask for a trace of its request.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-sampling.yaml', 'Let the gateway begin a trace for one request in ten.'),
    waitForGatewayTelemetry(/"random_sampling": \{\s*"value": 10\b/),
    ...renewConnections,
    load('sampled-calls', '/api/catalog', { says: 'Send requests. Most of them leave no trace.' }),
    inspect('calls-traced', 'requests that have left a trace', {
      says: 'Once the last traces have arrived, ask Jaeger how many there are.',
      command: queryTraces(GATEWAY),
      expected: about(1 / 10, { tellFrom: [1 / 5] }),
      count: countTracedCalls
    }),
    load('client-traces', '/api/catalog', {
      says: 'Send requests with the header x-client-trace-id, by which a client from outside may ask for a trace.',
      headers: { 'x-client-trace-id': 'outfitters' }
    }),
    inspect('client-calls-traced', 'requests with x-client-trace-id that have left a trace', {
      says: 'Ask Jaeger again. There is one trace for each of these requests.',
      command: queryTraces(GATEWAY),
      expected: all,
      count: countTracedCalls
    })
  ],
  look: [
    '`kubectl -n istio-system get telemetry outfitters-gateway -o yaml` shows the share as a percentage.',
    'The book forces a trace with the header `x-envoy-force-trace`. Today\'s Envoy accepts this header only from ' +
      'addresses that its configuration calls internal. By default, no address is internal.'
  ],
  controls: [withhold('istio/ch8/gateway-sampling.yaml', 'calls-traced')]
} satisfies Exercise

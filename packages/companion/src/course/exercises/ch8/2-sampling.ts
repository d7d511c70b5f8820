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
  aim: 'Traces cost resources, so the gateway starts one only for a sample of the requests. With a header, a ' +
    'client can still ask for a trace of its own request.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-sampling.yaml', 'Make the gateway start a trace for one request in ten.'),
    waitForGatewayTelemetry(/"random_sampling": \{\s*"value": 10\b/, '"random_sampling" with the value 10'),
    ...renewConnections,
    load('sampled-calls', '/api/catalog', { says: 'Send requests. Only about one in ten gets a trace.' }),
    inspect('calls-traced', 'requests that have a trace', {
      says: 'Wait until the last traces have arrived, and ask Jaeger for all of them. There is one for about one ' +
        'request in ten.',
      command: queryTraces(GATEWAY),
      expected: about(1 / 10, { tellFrom: [1 / 5] }),
      count: countTracedCalls
    }),
    load('client-traces', '/api/catalog', {
      says: 'Send requests with the header x-client-trace-id. With it, a client outside the mesh asks for a trace.',
      headers: { 'x-client-trace-id': 'outfitters' }
    }),
    inspect('client-calls-traced', 'requests with x-client-trace-id that have a trace', {
      says: 'Ask Jaeger again. There is one trace for each of these requests.',
      command: queryTraces(GATEWAY),
      expected: all,
      count: countTracedCalls
    })
  ],
  look: [
    '`kubectl -n istio-system get telemetry outfitters-gateway -o yaml` shows the share as a percentage.',
    'The book forces a trace with the header `x-envoy-force-trace`. Current versions of Envoy accept this header ' +
      'only from addresses that their configuration classifies as internal. By default, no address is internal.'
  ],
  controls: [withhold('istio/ch8/gateway-sampling.yaml', 'calls-traced')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import {
  countCompleteTraces, hasTag, queryTraces, renewConnections, tracesIn, waitForGatewayTelemetry, waitForProxyTelemetry
} from '../traces.ts'

export default {
  id: 'ch8.tracing',
  title: 'Follow a request in one trace',
  aim: 'The proxies create the spans. The services forward the trace headers, so all spans of a request belong to ' +
    'one trace. A Telemetry adds a tag of your own to each span.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml', 'Make the gateway start a trace for each request.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml',
      'Make the store\'s sidecars add their spans to the traces, each with the tag dark-launch.'),
    ...waitForProxyTelemetry,
    ...renewConnections,
    load('traced-calls', '/api/catalog', {
      says: 'Send requests with the header x-dark-launch: v2. The tag gets the value of the header.',
      headers: { 'x-dark-launch': 'v2' }
    }),
    expect('traced-calls-answered', 'calls with the header that return the catalog', all, hasNoImages),
    inspect('traces-whole', 'complete traces from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces. Each trace is complete, from the gateway to the catalog.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: countCompleteTraces
    }),
    inspect('traces-tagged', 'calls with a trace that has the tag', {
      says: 'Ask Jaeger again, and look for the tag dark-launch with the value v2.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: ({ output, calls }) => ({
        count: share(tracesIn(output), trace => hasTag(trace, 'dark-launch', 'v2')).count,
        of: calls.length
      })
    })
  ],
  look: [
    '`istioctl dashboard jaeger`: choose `webapp.istioinaction`. Each trace shows the spans of gateway, webapp and ' +
      'catalog as a tree.',
    'After `kubectl apply -f k8s/components/observability/tracing.yaml` and `kubectl rollout restart deployment`, ' +
      'the services add spans of their own, also for injected faults.',
    '`kubectl logs deploy/catalog -c catalog`: the `trace_id` in each line is the one that Jaeger shows.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-tagged')]
} satisfies Exercise

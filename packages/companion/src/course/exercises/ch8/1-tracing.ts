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
  aim: 'The proxies create the spans. The services forward the trace headers, which joins the spans to one trace. ' +
    'A Telemetry adds a tag of your own to each span.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml', 'Let the gateway begin a trace for each request.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml',
      'Let the store\'s sidecars add their spans, each with the tag dark-launch.'),
    ...waitForProxyTelemetry,
    ...renewConnections,
    load('traced-calls', '/api/catalog', {
      says: 'Send requests with the header x-dark-launch. The tag shows its value.',
      headers: { 'x-dark-launch': 'v2' }
    }),
    expect('traced-calls-answered', 'calls with the header that get the catalog', all, hasNoImages),
    inspect('traces-whole', 'calls with one trace from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: countCompleteTraces
    }),
    inspect('traces-tagged', 'calls with a trace that has the tag', {
      says: 'Look for the tag in the traces.',
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
    '`kubectl apply -f k8s/components/observability/tracing.yaml`, then `kubectl rollout restart deployment`: ' +
      'the services add spans of their own, also for injected faults.',
    '`kubectl logs deploy/catalog -c catalog`: the `trace_id` in each line is the one that Jaeger shows.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-tagged')]
} satisfies Exercise

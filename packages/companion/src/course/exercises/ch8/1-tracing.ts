import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { renewConnections, waitForGatewayTelemetry, hasTag, waitForProxyTelemetry, tracesIn, queryTraces, countCompleteTraces } from '../traces.ts'

export default {
  id: 'ch8.tracing',
  title: 'One request, one trace',
  aim: 'Proxies make the spans, and services join them to one trace by handing the headers on. A Telemetry adds a tag of your own to each.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml', 'Let the gateway begin a trace for each request.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml', 'Let the proxies of the store add their spans, each with the tag dark-launch.'),
    ...waitForProxyTelemetry,
    ...renewConnections,
    load('traced-calls', '/api/catalog', { says: 'Send requests with the header that the tag shows.', headers: { 'x-dark-launch': 'v2' } }),
    expect('traced-calls-answered', 'answers to requests with the header', all, hasNoImages),
    inspect('traces-whole', 'traces from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: countCompleteTraces
    }),
    inspect('traces-tagged', 'calls of which there is a trace with the tag', {
      says: 'Look for the tag in them.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: ({ output, calls }) => ({ count: share(tracesIn(output), trace => hasTag(trace, 'dark-launch', 'v2')).count, of: calls.length })
    })
  ],
  look: [
    '`istioctl dashboard jaeger`: choose `webapp.istioinaction`; the spans of gateway, webapp and catalog hang beneath each other.',
    '`kubectl apply -f k8s/components/observability/tracing.yaml`, then `kubectl rollout restart deployment`: the services add spans of their own, the injected faults among them.',
    '`kubectl logs deploy/catalog -c catalog`: `trace_id` in each line is the one that Jaeger shows.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-tagged')]
} satisfies Exercise

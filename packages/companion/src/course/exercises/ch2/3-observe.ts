import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, expectCount, fault, inspect, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'
import {
  countCompleteTraces, queryTraces, renewConnections, waitForGatewayTelemetry, waitForProxyTelemetry
} from '../traces.ts'

const SERVED = 'http_server_request_duration_seconds_count'

export default {
  id: 'ch2.observe',
  title: 'Observe the store',
  aim: 'The services\' own metrics show how many calls succeed, so you need not ask the clients. They also mark ' +
    'injected faults. A trace shows the path of each request, from the gateway to the catalog.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml',
      'Let the gateway start traces. Today\'s Istio starts none until a Telemetry names a tracing provider.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml', 'Let the sidecars of the store add their spans to the traces.'),
    apply('components/observability/access-log.yaml', 'Let the sidecars write a line of JSON for each request.'),
    ...waitForProxyTelemetry,
    fault('500 50', 'Let half of the catalog\'s answers fail, so that there is something to see.'),
    load('send-and-count', '/api/catalog', {
      says: 'Read the metrics, send requests, and read the metrics again.',
      scrape: ['webapp', 'catalog']
    }),
    expect('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed),
    expectCount('calls-counted', 'calls that the webapp counted', all, ({ calls, metrics: { webapp } }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog' }) ?? 0, of: calls.length })),
    expectCount('failures-counted', 'failed calls that the webapp counted as failed', all,
      ({ calls, metrics: { webapp } }) => ({
        count: webapp?.(SERVED, { route: '/api/catalog', status: '500' }) ?? 0,
        of: calls.filter(failed).length
      })),
    expectCount('failures-marked', 'failures of the catalog that are marked as injected', all,
      ({ metrics: { catalog } }) => ({
        count: catalog?.(SERVED, { status: '500', fault: '500' }) ?? 0,
        of: catalog?.(SERVED, { status: '500' }) ?? 0
      })),
    ...renewConnections,
    load('follow-calls', '/api/catalog', { says: 'Send more requests, to follow them through the mesh.' }),
    expect('answers-as-told', 'calls that succeed, or fail because of the injected fault', all,
      call => answered(call) || failed(call)),
    inspect('traces-whole', 'complete traces from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces. Each is complete, although the services make no spans: ' +
        'they only forward the trace headers.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: countCompleteTraces
    }),
    inspect('access-log-complete', 'calls in the access log of the webapp\'s sidecar', {
      says: 'Read the access log of the webapp\'s sidecar.',
      command: ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=SINCE'],
      expected: all,
      count ({ output, calls }) {
        const lines = output.split('\n').filter(line => /^\{.*"path":"\/api\/catalog"/.test(line))
        return { count: Math.min(calls.length, lines.length), of: calls.length }
      }
    })
  ],
  look: [
    '`istioctl dashboard jaeger`: the traces as diagrams. If Grafana and Kiali are installed, ' +
      '`istioctl dashboard grafana` and `istioctl dashboard kiali` show the rest.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s localhost:8080/metrics`: ' +
      'requests by route, status, version and fault, and the same for the calls to the catalog.',
    '`kubectl logs deploy/catalog -c catalog`: a line for each request. It has `fault` if a fault was injected, ' +
      'and the same `requestId` as the webapp\'s line.',
    '`kubectl logs deploy/webapp -c istio-proxy`: the same requests as the sidecar sees them, ' +
      'with the number of attempts for each.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-whole')]
} satisfies Exercise

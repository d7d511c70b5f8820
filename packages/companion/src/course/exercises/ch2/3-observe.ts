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
  aim: 'The services\' own metrics show how many calls succeed, so you do not have to ask the clients. They also ' +
    'show which failures are injected faults. A trace shows the path of each request, from the gateway to the ' +
    'catalog.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml',
      'Make the gateway start a trace for each request. Current versions of Istio start none until a Telemetry ' +
        'names a tracing provider.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml', 'Make the store\'s sidecars add their spans to the traces.'),
    apply('components/observability/access-log.yaml',
      'Make the sidecars write a line of JSON to their access log for each request.'),
    ...waitForProxyTelemetry,
    fault('500 50', 'Make the catalog answer half of the calls with 500, so that there are failures to see.'),
    load('send-and-count', '/api/catalog', {
      says: 'Read the metrics, send requests, and read the metrics again.',
      scrape: ['webapp', 'catalog']
    }),
    expect('calls-fail', 'failed calls', about(1 / 2, { tellFrom: [0.6] }), failed),
    expectCount('calls-counted', 'calls in the webapp\'s own metrics', all, ({ calls, metrics: { webapp } }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog' }) ?? 0, of: calls.length })),
    expectCount('failures-counted', 'failed calls that the webapp\'s metrics count as failed', all,
      ({ calls, metrics: { webapp } }) => ({
        count: webapp?.(SERVED, { route: '/api/catalog', status: '500' }) ?? 0,
        of: calls.filter(failed).length
      })),
    expectCount('failures-marked', 'failures in the catalog\'s metrics that are marked as injected', all,
      ({ metrics: { catalog } }) => ({
        count: catalog?.(SERVED, { status: '500', fault: '500' }) ?? 0,
        of: catalog?.(SERVED, { status: '500' }) ?? 0
      })),
    ...renewConnections,
    load('follow-calls', '/api/catalog', { says: 'Send more requests, to follow them through the mesh.' }),
    expect('answers-as-told', 'calls that succeed, or fail because of the injected fault', all,
      call => answered(call) || failed(call)),
    inspect('traces-whole', 'complete traces from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces. Each trace is complete, although the services create no spans: they only ' +
        'forward the trace headers.',
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
    '`istioctl dashboard jaeger` shows the traces as diagrams. If Grafana and Kiali are installed, `istioctl ' +
      'dashboard grafana` shows metrics, and `istioctl dashboard kiali` shows a graph of the calls.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s localhost:8080/metrics`: the webapp counts its requests by ' +
      'route, status, version and fault, and its calls to the catalog in the same way.',
    '`kubectl logs deploy/catalog -c catalog`: a line for each request. The line has `fault` if a fault was ' +
      'injected, and the same `requestId` as the webapp\'s line for this request.',
    '`kubectl logs deploy/webapp -c istio-proxy`: the same requests as the sidecar sees them, ' +
      'with the number of attempts for each.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-whole')]
} satisfies Exercise

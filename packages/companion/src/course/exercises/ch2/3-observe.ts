import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, expectCount, fault, inspect, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { renewConnections, waitForGatewayTelemetry, waitForProxyTelemetry, queryTraces, countCompleteTraces } from '../traces.ts'
import { answered, failed } from '../calls.ts'

const SERVED = 'http_server_request_duration_seconds_count'

export default {
  id: 'ch2.observe',
  title: 'See what the store does',
  aim: 'How many calls succeed can be told from the services\' own metrics, without asking those who call, and an injected fault is marked as one. A trace shows the way of each request, from the gateway to the catalog.',
  needs: ['store', 'gateway', 'jaeger'],
  steps: [
    apply('istio/ch8/gateway-telemetry.yaml', 'Let the gateway begin traces. Today\'s Istio makes none before a Telemetry names who gets them.'),
    waitForGatewayTelemetry(/envoy\.tracers\.opentelemetry/),
    apply('components/observability/telemetry.yaml', 'Let the proxies of the store add to them.'),
    apply('components/observability/access-log.yaml', 'Have them write a line of JSON for each request.'),
    ...waitForProxyTelemetry,
    fault('500 50', 'Have something to see: let half of the catalog\'s answers fail.'),
    load('send-and-count', '/api/catalog', { says: 'Read the metrics, send requests, and read the metrics again.', scrape: ['webapp', 'catalog'] }),
    expect('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed),
    expectCount('calls-counted', 'calls that the webapp has counted', all, ({ calls, metrics: { webapp } }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog' }) ?? 0, of: calls.length })),
    expectCount('failures-counted', 'failed calls that the webapp has counted as such', all, ({ calls, metrics: { webapp } }) =>
      ({ count: webapp?.(SERVED, { route: '/api/catalog', status: '500' }) ?? 0, of: calls.filter(failed).length })),
    expectCount('failures-marked', 'failures of the catalog that are marked as injected', all, ({ metrics: { catalog } }) =>
      ({ count: catalog?.(SERVED, { status: '500', fault: '500' }) ?? 0, of: catalog?.(SERVED, { status: '500' }) ?? 0 })),
    ...renewConnections,
    load('follow-calls', '/api/catalog', { says: 'Send a few more, and follow them.' }),
    expect('answers-as-told', 'calls that are answered, or fail as they are told to', all, call => answered(call) || failed(call)),
    inspect('traces-whole', 'traces from the gateway through the webapp to the catalog', {
      says: 'Ask Jaeger for the traces: each is one piece, though no service has made a span. They only carry the headers on.',
      command: queryTraces('webapp.NAMESPACE'),
      expected: all,
      count: countCompleteTraces
    }),
    inspect('access-log-complete', 'calls in the access log of the webapp\'s proxy', {
      says: 'Read the proxy\'s access log.',
      command: ['kubectl', 'logs', 'deploy/webapp', '-c', 'istio-proxy', '--since=SINCE'],
      expected: all,
      count: ({ output, calls }) => ({ count: Math.min(calls.length, output.split('\n').filter(line => /^\{.*"path":"\/api\/catalog"/.test(line)).length), of: calls.length })
    })
  ],
  look: [
    '`istioctl dashboard jaeger`: the traces as pictures. `istioctl dashboard grafana` and `kiali` have the rest, if they are installed.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s localhost:8080/metrics`: by route, status, version and fault, and the same for the calls to the catalog.',
    '`kubectl logs deploy/catalog -c catalog`: a line for each request, with `fault` where one was injected, and the `requestId` that the webapp\'s line has too.',
    '`kubectl logs deploy/webapp -c istio-proxy`: the same requests as the proxy sees them, with the attempts that each took.'
  ],
  controls: [withhold('components/observability/telemetry.yaml', 'traces-whole')]
} satisfies Exercise

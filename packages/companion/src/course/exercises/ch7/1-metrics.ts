import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'

/** PromQL by way of the API server, so that no port-forward is needed. */
const query = (expression: string) => ['kubectl', 'get', '--raw', `/api/v1/namespaces/istio-system/services/prometheus:9090/proxy/api/v1/query?query=${encodeURIComponent(expression)}`]

export default {
  id: 'ch7.metrics',
  title: 'More metrics of a proxy, and the services\' own',
  aim: 'A proxy keeps few of Envoy\'s statistics by default; an annotation includes more. Prometheus finds the Pods by other annotations, and gets the services\' own metrics together with the proxies\'.',
  needs: ['store', 'gateway', 'prometheus'],
  steps: [
    apply('istio/ch7/webapp-deployment-stats-inclusion.yaml', 'Have the webapp\'s proxy keep the statistics of its calls to the catalog.'),
    load('count-calls', '/api/catalog', { says: 'Each request makes the webapp call GET /items once.', arrived: { seen: hasNoImages } }),
    expect('store-answers', 'answers of the store', all, hasNoImages),
    inspect('proxy-counts', 'calls to the catalog that the proxy has counted', {
      says: 'Ask the proxy for its statistics.',
      command: ['kubectl', 'exec', 'deploy/webapp', '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'stats?filter=cluster.outbound.80..catalog.*upstream_rq_2'],
      expected: all,
      // It has answered those as well by which the change was waited for.
      count: ({ output, calls }) => ({ count: Math.min(calls.length, Number(/upstream_rq_2xx: (\d+)/.exec(output)?.[1] ?? 0)), of: calls.length })
    }),
    inspect('services-in-prometheus', 'services whose own metrics are in Prometheus', {
      says: 'Ask Prometheus, which fetches from each Pod once for proxy and service together.',
      // Only what it has fetched since then: for some minutes it still answers with what pods have left that are no more.
      command: query('count by (app) (timestamp(http_server_request_duration_seconds_count{namespace="NAMESPACE",route=~"/items|/api/catalog"}) > SINCE / 1000000)'),
      expected: all,
      count: ({ output }) => ({ count: ['"app":"catalog"', '"app":"webapp"'].filter(label => output.includes(label)).length, of: 2 })
    })
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET stats`: all that the proxy keeps.',
    '`kubectl exec deploy/catalog -c istio-proxy -- pilot-agent request GET stats`: without the annotation.',
    '`kubectl exec deploy/webapp -c istio-proxy -- curl -s localhost:15020/stats/prometheus`: what Prometheus is given, the service\'s own metrics at its end.'
  ],
  controls: [withhold('istio/ch7/webapp-deployment-stats-inclusion.yaml', 'proxy-counts')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'

const PROMETHEUS = '/api/v1/namespaces/istio-system/services/prometheus:9090/proxy/api/v1/query'

/** Sends a PromQL query through the API server, which needs no port-forward. */
const queryPrometheus = (expression: string) =>
  ['kubectl', 'get', '--raw', `${PROMETHEUS}?query=${encodeURIComponent(expression)}`]

const OWN_METRIC = 'http_server_request_duration_seconds_count{namespace="NAMESPACE",route=~"/items|/api/catalog"}'

export default {
  id: 'ch7.metrics',
  title: 'Collect more metrics from sidecars and services',
  aim: 'By default, a sidecar keeps few of Envoy\'s statistics. An annotation on the pod makes it keep more. Other ' +
    'annotations tell Prometheus to scrape the pod. Each scrape returns the metrics of the service and of its ' +
    'sidecar together.',
  needs: ['store', 'gateway', 'prometheus'],
  steps: [
    apply('istio/ch7/webapp-deployment-stats-inclusion.yaml',
      'Make the webapp\'s sidecar keep the statistics of its calls to the catalog.'),
    load('count-calls', '/api/catalog', {
      says: 'Send requests. For each of them, the webapp calls GET /items once.',
      arrived: { seen: hasNoImages }
    }),
    expect('store-answers', 'calls that return the catalog', all, hasNoImages),
    inspect('proxy-counts', 'calls to the catalog that the sidecar has counted', {
      says: 'Ask the webapp\'s sidecar for its statistics. It has counted each call to the catalog.',
      command: [
        'kubectl', 'exec', 'deploy/webapp', '-c', 'istio-proxy', '--',
        'pilot-agent', 'request', 'GET', 'stats?filter=cluster.outbound.80..catalog.*upstream_rq_2'
      ],
      expected: all,
      count: ({ output, calls }) => ({
        // The proxy has also counted the calls that waited for the change.
        count: Math.min(calls.length, Number(/upstream_rq_2xx: (\d+)/.exec(output)?.[1] ?? 0)),
        of: calls.length
      })
    }),
    inspect('services-in-prometheus', 'services whose own metrics are in Prometheus', {
      says: 'Query Prometheus for the services\' own metrics. Prometheus has those of the catalog and of the webapp.',
      // Only new samples count: for some minutes, Prometheus also returns the last samples of Pods that are gone.
      command: queryPrometheus(`count by (app) (timestamp(${OWN_METRIC}) > SINCE / 1000000)`),
      expected: all,
      count: ({ output }) => ({
        count: ['"app":"catalog"', '"app":"webapp"'].filter(label => output.includes(label)).length,
        of: 2
      })
    })
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET stats` shows all statistics of the sidecar.',
    '`kubectl exec deploy/catalog -c istio-proxy -- pilot-agent request GET stats` shows the statistics of a ' +
      'sidecar without the annotation.',
    '`kubectl exec deploy/webapp -c istio-proxy -- curl -s localhost:15020/stats/prometheus` shows what Prometheus ' +
      'scrapes. The service\'s own metrics are at the end.'
  ],
  controls: [withhold('istio/ch7/webapp-deployment-stats-inclusion.yaml', 'proxy-counts')]
} satisfies Exercise

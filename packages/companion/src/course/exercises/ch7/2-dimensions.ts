import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, once } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'

const READ_METRICS = [
  'kubectl', 'exec', 'deploy/webapp', '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'stats/prometheus'
]

export default {
  id: 'ch7.dimensions',
  title: 'Add dimensions to Istio\'s metrics',
  aim: 'A Telemetry adds dimensions to the metrics of the proxies, in addition to Istio\'s own labels. ' +
    'It needs no restart. The proxies need Istio\'s own filters, which every usual installation has.',
  needs: ['store', 'gateway'],
  steps: [
    load('count-first', '/api/catalog', { says: 'Send requests, so that the proxies have something to count.' }),
    expect('store-answers', 'calls that get the catalog', all, hasNoImages),
    inspect('counted-by-istio-labels', 'webapp proxies that count requests by Istio\'s labels', {
      says: 'Look at the metrics of the webapp\'s proxy. It counts requests by Istio\'s labels.',
      command: READ_METRICS,
      expected: all,
      lacks: output => /^istio_requests_total\{/m.test(output)
        ? undefined
        : 'proxies with Istio\'s own filters, which count istio_requests_total',
      count: ({ output }) => once(/^istio_requests_total\{.*destination_service_name="catalog"/m.test(output))
    }),
    apply('istio/ch7/telemetry-dimensions.yaml',
      'Add two dimensions: the mesh of the caller, and the version of the called proxy.'),
    load('count-more', '/api/catalog', { says: 'Send more requests.' }),
    expect('store-answers-again', 'calls that get the catalog after the change', all, hasNoImages),
    inspect('counted-by-new-dimension', 'webapp proxies that count requests by the new dimension', {
      says: 'Look at the metrics again. The mesh of the caller is among the labels.',
      command: READ_METRICS,
      expected: all,
      count: ({ output }) => once(/^istio_requests_total\{.*source_mesh_id="/m.test(output))
    })
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET stats/prometheus | grep source_mesh_id` ' +
      'shows the calls that the proxy has made. Calls that a proxy has received have `upstream_proxy_version`.',
    'The book uses an `IstioOperator`, which no longer exists.',
    'If the proxies lack Istio\'s filters, the exercise ends before it applies anything. ' +
      'Such proxies would reject the configuration.'
  ],
  controls: [withhold('istio/ch7/telemetry-dimensions.yaml', 'counted-by-new-dimension')]
} satisfies Exercise

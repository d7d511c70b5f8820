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
  aim: 'A dimension is a label of a metric. A Telemetry adds dimensions to Istio\'s own labels, without a restart. ' +
    'For this, the sidecars need Istio\'s own filters, which every standard installation has.',
  needs: ['store', 'gateway'],
  steps: [
    load('count-first', '/api/catalog', { says: 'Send requests, so that the sidecars count them.' }),
    expect('store-answers', 'calls that return the catalog', all, hasNoImages),
    inspect('counted-by-istio-labels', 'webapp sidecars that count requests by Istio\'s labels', {
      says: 'Look at the metrics of the webapp\'s sidecar. It counts requests by Istio\'s labels, such as ' +
        'destination_service_name.',
      command: READ_METRICS,
      expected: all,
      lacks: output => /^istio_requests_total\{/m.test(output)
        ? undefined
        : 'proxies with Istio\'s own filters, which count istio_requests_total',
      count: ({ output }) => once(/^istio_requests_total\{.*destination_service_name="catalog"/m.test(output))
    }),
    apply('istio/ch7/telemetry-dimensions.yaml',
      'Add two dimensions: the mesh of the caller, and the Istio version of the called sidecar.'),
    load('count-more', '/api/catalog', { says: 'Send more requests.' }),
    expect('store-answers-again', 'calls that return the catalog after the change', all, hasNoImages),
    inspect('counted-by-new-dimension', 'webapp sidecars that count requests by the new dimension', {
      says: 'Look at the metrics again. The labels now include source_mesh_id, the mesh of the caller.',
      command: READ_METRICS,
      expected: all,
      count: ({ output }) => once(/^istio_requests_total\{.*source_mesh_id="/m.test(output))
    })
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET stats/prometheus | grep source_mesh_id` ' +
      'shows the calls that the webapp has made. The metrics of the calls that a sidecar has received have the ' +
      'label `upstream_proxy_version`.',
    'The book uses an `IstioOperator`, a resource that no longer exists.',
    'If the sidecars lack Istio\'s filters, the exercise ends before it applies anything, because such sidecars ' +
      'would reject the configuration.'
  ],
  controls: [withhold('istio/ch7/telemetry-dimensions.yaml', 'counted-by-new-dimension')]
} satisfies Exercise

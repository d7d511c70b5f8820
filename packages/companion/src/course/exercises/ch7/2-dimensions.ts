import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load, once } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'

const stats = ['kubectl', 'exec', 'deploy/webapp', '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'stats/prometheus']

export default {
  id: 'ch7.dimensions',
  title: 'Add dimensions to Istio\'s metrics',
  aim: 'What the proxies count can be split by more than Istio\'s own labels: a Telemetry adds them, without a restart. It needs proxies with Istio\'s own filters, as every usual installation has them.',
  needs: ['store', 'gateway'],
  steps: [
    load('count-first', '/api/catalog', { says: 'Give the proxies something to count.' }),
    expect('store-answers', 'answers of the store', all, hasNoImages),
    inspect('counted-by-istio-labels', 'the webapp\'s proxy counts requests by Istio\'s labels', {
      says: 'See what the webapp\'s proxy has counted.',
      command: stats,
      expected: all,
      lacks: output => /^istio_requests_total\{/m.test(output) ? undefined : 'Istio\'s own filters in its proxies, which count istio_requests_total',
      count: ({ output }) => once(/^istio_requests_total\{.*destination_service_name="catalog"/m.test(output))
    }),
    apply('istio/ch7/telemetry-dimensions.yaml', 'Add the caller\'s mesh, and the version of the proxy that is called.'),
    load('count-more', '/api/catalog', { says: 'Give them more.' }),
    expect('store-answers-again', 'answers after that', all, hasNoImages),
    inspect('counted-by-new-dimension', 'requests are counted by the new dimension', {
      says: 'See it among the labels.',
      command: stats,
      expected: all,
      count: ({ output }) => once(/^istio_requests_total\{.*source_mesh_id="/m.test(output))
    })
  ],
  look: [
    '`kubectl exec deploy/webapp -c istio-proxy -- pilot-agent request GET stats/prometheus | grep source_mesh_id`: the calls that it has made; the calls that a proxy has received have `upstream_proxy_version`.',
    'The book does this by an `IstioOperator`, which is no more.',
    'Where the proxies lack Istio\'s filters the exercise ends before it applies anything: such a proxy would refuse the configuration.'
  ],
  controls: [withhold('istio/ch7/telemetry-dimensions.yaml', 'counted-by-new-dimension')]
} satisfies Exercise

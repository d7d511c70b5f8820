import { withhold } from '../../controls.ts'
import type { Exercise, Inspect } from '../../exercise.ts'
import { apply, expect, expectCount, inspect, load, run } from '../../steps.ts'
import { all, around, none, type Expected } from '../../../judge/statistics.ts'
import { answered } from '../calls.ts'

const NEIGHBORS = 100

/** How many of the neighbors the webapp's proxy knows. If istioctl printed no table, nothing can be counted. */
const expectKnownNeighbors = (id: string, name: string, says: string, expected: Expected): Inspect =>
  inspect(id, name, {
    says,
    command: [
      'istioctl', 'proxy-config', 'clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--direction', 'outbound'
    ],
    expected,
    count: ({ output }) => ({
      count: output.split('\n').filter(line => line.startsWith('neighbour-')).length,
      of: output.startsWith('SERVICE FQDN') ? NEIGHBORS : 0
    })
  })

const resetCounters = (service: string, says: string) =>
  run(`kubectl exec deploy/${service} -c istio-proxy -- pilot-agent request POST reset_counters`, says)

/**
 * Prints two figures for the webapp's proxy and for the forum's: the size of its configuration, and how many bytes the
 * control plane has sent to it.
 */
const MEASURE = 'sleep 2; for app in webapp forum; do ' +
  'proxy="kubectl -n NAMESPACE exec deploy/$app -c istio-proxy -- pilot-agent request GET"; ' +
  'echo "$app: $($proxy config_dump | wc -c) bytes, was sent ' +
  '$($proxy "stats?filter=cluster.xds-grpc.*upstream_cx_rx_bytes_total" | cut -d " " -f 2)"; done'

/** A figure of the webapp's proxy, as a share of the same figure of the forum's proxy, which has no Sidecar. */
function shareOfForum (output: string, figure: RegExp) {
  const [webapp = 0, forum = 0] = [...output.matchAll(figure)].map(([, digits]) => Number(digits))
  return { count: webapp, of: forum }
}

export default {
  id: 'ch11.scale',
  title: 'Send each proxy only the configuration that it needs',
  aim: 'By default, the control plane tells every proxy about every Service of the mesh, and sends an update ' +
    'whenever a pod of a Service starts or stops. A Sidecar resource lists the Services that a proxy needs. The ' +
    'proxy then keeps a smaller configuration, and the control plane sends fewer bytes.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch11/neighbours.yaml',
      'Add a hundred Services, as in a store that has grown. The exercise calls them neighbors.'),
    expectKnownNeighbors('neighbors-known', 'neighbors that the webapp\'s proxy knows',
      'List the clusters in the webapp\'s proxy. It knows all neighbors, although the webapp calls none of them.', all),
    apply('istio/ch11/webapp-sidecar.yaml', 'Add a Sidecar resource that lists the services that the webapp calls.'),
    expectKnownNeighbors('neighbors-forgotten',
      'neighbors that the webapp\'s proxy still knows with the Sidecar resource',
      'List the clusters again. The webapp\'s proxy no longer knows the neighbors.', none),
    resetCounters('webapp', 'Reset the counters of the webapp\'s proxy.'),
    resetCounters('forum', 'Reset the counters of the forum\'s proxy, for which there is no Sidecar resource.'),
    apply('services/catalog-v2.yaml', 'Start a pod that belongs to all hundred neighbors.'),
    load('measure-proxies', '/api/catalog', {
      says: 'While the webapp answers requests, measure the size of each proxy\'s configuration, and how many ' +
        'bytes the control plane has sent to each proxy.',
      during: ['sh', '-c', MEASURE]
    }),
    expect('catalog-answers', 'calls that return the catalog', all, answered),
    expectCount('smaller-configuration', 'size of the webapp\'s configuration, as a share of the forum\'s',
      around(1 / 3, { low: 0, high: 1 / 2 }), ({ output }) => shareOfForum(output, /: (\d+) bytes/g)),
    expectCount('fewer-bytes-sent', 'bytes sent to the webapp\'s proxy for one new pod, as a share of the forum\'s',
      around(1 / 100, { low: 0, high: 1 / 4 }), ({ output }) => shareOfForum(output, /was sent (\d+)/g))
  ],
  look: [
    '`kubectl get --raw /api/v1/namespaces/istio-system/services/istiod:15014/proxy/metrics | grep -E ' +
      '"^pilot_(xds_pushes|proxy_convergence_time_(sum|count))"` shows how many updates the control plane has sent, ' +
      'and how many seconds it took until the proxies had them. The Sidecar resource lowers both. The exercise does ' +
      'not judge these numbers, because istiod counts them for all proxies of the mesh together. It judges the bytes ' +
      'that each of the two proxies has received.',
    '`istioctl proxy-config endpoints deploy/forum | grep -c neighbour` counts the endpoints of neighbors in the ' +
      'forum\'s proxy. For `deploy/webapp`, it prints 0.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s -o /dev/null -w "%{http_code}" neighbour-001/items` still ' +
      'prints 200. If a proxy does not know a service, it lets the call pass to the address from DNS, without any ' +
      'of the mesh\'s rules. `outboundTrafficPolicy` in the Sidecar resource can forbid this.',
    'A Sidecar resource without a `workloadSelector` applies to all workloads of its namespace. In istio-system, ' +
      'it applies to all namespaces that have none of their own. This exercise does not do that, because others ' +
      'may use the mesh.'
  ],
  controls: [withhold('istio/ch11/webapp-sidecar.yaml', 'fewer-bytes-sent')] // other checks fail without it too
} satisfies Exercise

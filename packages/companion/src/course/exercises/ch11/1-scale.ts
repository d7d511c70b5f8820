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
  title: 'Send proxies only what they need',
  aim: 'The control plane tells every proxy about every Service of the mesh, and again whenever a pod of one of them ' +
    'starts or stops. A Sidecar says which Services a proxy needs. The proxy then keeps less, and the control plane ' +
    'sends less.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch11/neighbours.yaml', 'Add a hundred Services, called neighbors, as in a store that has grown.'),
    expectKnownNeighbors('neighbors-known', 'neighbors that the webapp\'s proxy knows',
      'List what the webapp\'s proxy knows. It knows all neighbors, although the webapp calls none of them.', all),
    apply('istio/ch11/webapp-sidecar.yaml', 'Add a Sidecar that names the services that the webapp calls.'),
    expectKnownNeighbors('neighbors-forgotten', 'neighbors that the webapp\'s proxy still knows with the Sidecar',
      'List what the proxy knows now. It has forgotten the neighbors.', none),
    resetCounters('webapp', 'Reset the counters of the webapp\'s proxy.'),
    resetCounters('forum', 'Reset the counters of the forum\'s proxy, which has no Sidecar.'),
    apply('services/catalog-v2.yaml', 'Start a pod that belongs to all hundred neighbors.'),
    load('measure-proxies', '/api/catalog', {
      says: 'While the webapp answers requests, measure how much each proxy keeps, and how many bytes it was sent.',
      during: ['sh', '-c', MEASURE]
    }),
    expect('catalog-answers', 'calls that get the catalog', all, answered),
    expectCount('smaller-configuration', 'bytes of the webapp\'s configuration, as a share of the forum\'s',
      around(1 / 3, { low: 0, high: 1 / 2 }), ({ output }) => shareOfForum(output, /: (\d+) bytes/g)),
    expectCount('fewer-bytes-sent', 'bytes sent to the webapp\'s proxy for one new pod, as a share of the forum\'s',
      around(1 / 100, { low: 0, high: 1 / 4 }), ({ output }) => shareOfForum(output, /was sent (\d+)/g))
  ],
  look: [
    '`kubectl get --raw /api/v1/namespaces/istio-system/services/istiod:15014/proxy/metrics | grep -E ' +
      '"^pilot_(xds_pushes|proxy_convergence_time_(sum|count))"` shows what the control plane has sent, and after ' +
      'how many seconds the proxies had it. The Sidecar lowers both. The exercise does not judge these numbers, ' +
      'because istiod counts for all proxies of the mesh together, and for everything that others do in it. ' +
      'The exercise judges the bytes that each proxy has received.',
    '`istioctl proxy-config endpoints deploy/forum | grep -c neighbour` counts what a proxy without a Sidecar still ' +
      'keeps. `deploy/webapp` has none.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s -o /dev/null -w "%{http_code}" neighbour-001/items` still ' +
      'prints 200. If a proxy does not know a service, it lets the call pass to the address from DNS, without any of ' +
      'the mesh\'s rules. `outboundTrafficPolicy` in the Sidecar can forbid this.',
    'A Sidecar without a `workloadSelector` applies to its namespace. In istio-system, it applies to the whole mesh: ' +
      'there it is the default, and each namespace adds what it needs. This exercise does not try it, because others ' +
      'use the mesh.'
  ],
  controls: [withhold('istio/ch11/webapp-sidecar.yaml', 'fewer-bytes-sent')] // other checks fail without it too
} satisfies Exercise

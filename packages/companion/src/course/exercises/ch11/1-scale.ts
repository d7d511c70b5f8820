import { withhold } from '../../controls.ts'
import type { Exercise, Inspect } from '../../exercise.ts'
import { apply, expect, expectCount, inspect, load, run } from '../../steps.ts'
import { all, around, none, type Expected } from '../../../judge/statistics.ts'
import { answered } from '../calls.ts'

const NEIGHBOURS = 100

const neighboursKnown = (id: string, name: string, says: string, expected: Expected): Inspect => inspect(id, name, {
  says,
  command: ['istioctl', 'proxy-config', 'clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--direction', 'outbound'],
  expected,
  count: ({ output }) => ({ count: output.split('\n').filter(line => line.startsWith('neighbour-')).length, of: output.startsWith('SERVICE FQDN') ? NEIGHBOURS : 0 }) // whoever says nothing knows nothing
})

const forgetCounts = (service: string, says: string) => run(`kubectl exec deploy/${service} -c istio-proxy -- pilot-agent request POST reset_counters`, says)

/** Of the webapp's proxy and of the forum's: the size of the configuration, and the bytes that have come from the control plane. */
const MEASURE = 'sleep 2; for app in webapp forum; do ' +
  'proxy="kubectl -n NAMESPACE exec deploy/$app -c istio-proxy -- pilot-agent request GET"; ' +
  'echo "$app: $($proxy config_dump | wc -c) bytes, was sent $($proxy "stats?filter=cluster.xds-grpc.*upstream_cx_rx_bytes_total" | cut -d " " -f 2)"; done'

/** A figure of the webapp's proxy as a share of the forum's, which has no Sidecar. */
const ofTheForums = (output: string, figure: RegExp) => {
  const [webapp = 0, forum = 0] = [...output.matchAll(figure)].map(([, digits]) => Number(digits))
  return { count: webapp, of: forum }
}

export default {
  id: 'ch11.scale',
  title: 'Tell proxies only what they need',
  aim: 'Every proxy is told about every Service of the mesh, and again whenever one of their pods comes or goes. A Sidecar says which ones matter to whom: less to keep for the proxy, and less to send for the control plane.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch11/neighbours.yaml', 'Let the store have grown: a hundred more Services.'),
    neighboursKnown('neighbors-known', 'neighbours that the webapp\'s proxy knows', 'The webapp calls none of them. Its proxy knows them all.', all),
    apply('istio/ch11/webapp-sidecar.yaml', 'Say which services the webapp calls.'),
    neighboursKnown('neighbors-forgotten', 'neighbours that it still knows with the Sidecar', 'The proxy forgets the rest.', none),
    forgetCounts('webapp', 'Let the webapp\'s proxy begin to count anew,'),
    forgetCounts('forum', 'and the forum\'s, which has no Sidecar.'),
    apply('services/catalog-v2.yaml', 'Let a pod come that belongs to all of those Services.'),
    load('measure-proxies', '/api/catalog', { says: 'While the webapp works on, see how much each proxy keeps, and how much it was sent.', during: ['sh', '-c', MEASURE] }),
    expect('catalog-answers', 'calls that get the catalog', all, answered),
    expectCount('smaller-configuration', 'the webapp\'s configuration in bytes, as a share of the forum\'s', around(1 / 3, { low: 0, high: 1 / 2 }), ({ output }) => ofTheForums(output, /: (\d+) bytes/g)),
    expectCount('fewer-bytes-sent', 'bytes sent to the webapp\'s proxy for one new pod, as a share of those sent to the forum\'s', around(1 / 100, { low: 0, high: 1 / 4 }), ({ output }) => ofTheForums(output, /was sent (\d+)/g))
  ],
  look: [
    '`kubectl get --raw /api/v1/namespaces/istio-system/services/istiod:15014/proxy/metrics | grep -E "^pilot_(xds_pushes|proxy_convergence_time_(sum|count))"`: what the control plane has sent, and the seconds that it took until the proxies had it. Both fall with the Sidecar, but they are not judged: istiod counts for all proxies of the mesh together, and whatever others do in it meanwhile. The bytes that have come to each proxy are what can be told apart.',
    '`istioctl proxy-config endpoints deploy/forum | grep -c neighbour`: what a proxy without a Sidecar goes on keeping. `deploy/webapp` has none.',
    '`kubectl exec deploy/webapp -c webapp -- curl -s -o /dev/null -w "%{http_code}" neighbour-001/items`: still 200. What a proxy does not know it lets pass to the address that the DNS has, without any of the mesh\'s rules; `outboundTrafficPolicy` in the Sidecar can forbid that.',
    'A Sidecar without a `workloadSelector` holds for its namespace, and in istio-system for the mesh: there it is the rule, and each namespace asks for more. That is not tried here, as others use the mesh.'
  ],
  controls: [withhold('istio/ch11/webapp-sidecar.yaml', 'fewer-bytes-sent')] // the other checks that need it fail as well
} satisfies Exercise

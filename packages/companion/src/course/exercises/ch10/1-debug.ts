import { withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all, none } from '../../../judge/statistics.ts'
import { answered, failed, receivedStatus } from '../calls.ts'

const SUBSETS = ['version-v1', 'version-v2']
const ANALYSIS = ['istioctl', 'analyze', '-n', 'NAMESPACE']
const CLUSTERS = ['istioctl', 'proxy-config', 'clusters', 'deploy/webapp', '-n', 'NAMESPACE', '--fqdn', 'catalog.NAMESPACE.svc.cluster.local']

/** Subsets of the catalog that are named on a line with this sign. */
const subsetsIn = (output: string, sign: RegExp) => ({ count: SUBSETS.filter(subset => output.split('\n').some(line => line.includes(subset) && sign.test(line))).length, of: SUBSETS.length })

/** The same of what istioctl prints as a table: whoever says nothing knows nothing. */
const subsetsInTable = ({ output }: Observed) => ({ ...subsetsIn(output, /outbound/), of: output.startsWith('SERVICE FQDN') ? SUBSETS.length : 0 })

export default {
  id: 'ch10.debug',
  title: 'Find the route that leads nowhere',
  aim: 'A VirtualService may name subsets that no DestinationRule has. The API server takes it, every call fails with 503, and the analyser says why.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch10/catalog-virtualservice-subsets-v1-v2.yaml', 'Route to two subsets. Something is forgotten.'),
    load('missing-subsets', '/api/catalog', { says: 'Nothing gets through: the proxy answers the webapp with 503, and the webapp its caller with 500.', arrived: { only: failed } }),
    expect('calls-fail', 'calls that fail while the subsets are missing', all, failed),
    expect('failures-heard-503', 'failed calls of which the webapp says that it heard a 503', all, receivedStatus(503), { among: failed }),
    inspect('analyzer-names-subsets', 'subsets that the analyser misses', {
      says: 'Ask the analyser: it knows what is in the namespace, and what of it does not fit together.',
      command: ANALYSIS,
      expected: all,
      count: ({ output }) => subsetsIn(output, /IST0101/)
    }),
    inspect('proxy-lacks-subsets', 'subsets that the webapp\'s proxy knows before they are made', {
      says: 'Look into the proxy of the caller: of the catalog it knows the Service alone.',
      command: CLUSTERS,
      expected: none,
      count: subsetsInTable
    }),
    apply('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'Make the subsets.'),
    load('with-subsets', '/api/catalog', { says: 'Everything gets through.', arrived: { only: answered } }),
    expect('calls-answered', 'calls that are answered once the subsets are there', all, answered),
    inspect('proxy-has-subsets', 'subsets that the webapp\'s proxy knows', {
      says: 'The proxy has a cluster for each.',
      command: CLUSTERS,
      expected: all,
      count: subsetsInTable
    }),
    inspect('analyzer-finds-nothing', 'subsets that the analyser still misses', {
      says: 'The analyser is content.',
      command: ANALYSIS,
      expected: none,
      count: ({ output }) => subsetsIn(output, /IST0101/)
    })
  ],
  look: [
    '`istioctl analyze k8s/services k8s/istio/ch10/catalog-virtualservice-subsets-v1-v2.yaml --use-kube=false`: it can be asked before anything is applied.',
    '`kubectl logs deploy/webapp -c istio-proxy`: the failed calls have the response flag NC, no cluster: the proxy has asked nobody.',
    '`istioctl proxy-status`: SYNCED. The proxy has what it was told, so that the mistake is in that.',
    '`istioctl x describe pod $(kubectl get pod -l app=catalog,version=v1 -o name | cut -d/ -f2)`: what of Istio is about a pod, and what does not fit it.'
  ],
  controls: [withhold('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'calls-answered')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all, none } from '../../../judge/statistics.ts'
import { answered, failed, receivedStatus } from '../calls.ts'

const SUBSETS = ['version-v1', 'version-v2']
const ANALYZE = ['istioctl', 'analyze', '-n', 'NAMESPACE']
const LIST_CLUSTERS = [
  'istioctl', 'proxy-config', 'clusters', 'deploy/webapp', '-n', 'NAMESPACE',
  '--fqdn', 'catalog.NAMESPACE.svc.cluster.local'
]

/** How many of the catalog's subsets are named on a line that matches the pattern. */
function countSubsets (output: string, pattern: RegExp) {
  const lines = output.split('\n').filter(line => pattern.test(line))
  return { count: SUBSETS.filter(subset => lines.some(line => line.includes(subset))).length, of: SUBSETS.length }
}

const countReportedSubsets = ({ output }: Observed) => countSubsets(output, /IST0101/)

/** How many of the subsets have a cluster in the sidecar. If istioctl printed no table, nothing can be counted. */
const countSubsetClusters = ({ output }: Observed) => ({
  ...countSubsets(output, /outbound/),
  of: output.startsWith('SERVICE FQDN') ? SUBSETS.length : 0
})

export default {
  id: 'ch10.debug',
  title: 'Find a route to subsets that do not exist',
  aim: 'A VirtualService can name subsets that no DestinationRule defines. The API server accepts such a ' +
    'VirtualService, but every call fails with 503. Istio\'s analyzer names the missing subsets.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch10/catalog-virtualservice-subsets-v1-v2.yaml',
      'Route to two subsets of the catalog that no DestinationRule defines yet.'),
    load('missing-subsets', '/api/catalog', {
      says: 'Send requests. The webapp gets a 503 from its sidecar, and answers its caller with 500.',
      arrived: { only: failed }
    }),
    expect('calls-fail', 'failed calls while the subsets are missing', all, failed),
    expect('failures-heard-503', 'failed calls for which the webapp reports a 503', all, receivedStatus(503), {
      among: failed
    }),
    inspect('analyzer-names-subsets', 'missing subsets that the analyzer reports', {
      says: 'Run the analyzer, which finds objects that do not fit together. It reports the two missing subsets.',
      command: ANALYZE,
      expected: all,
      count: countReportedSubsets
    }),
    inspect('proxy-lacks-subsets', 'subsets that the webapp\'s sidecar knows before they are defined', {
      says: 'List the catalog\'s clusters in the webapp\'s sidecar. There is one for the Service, and none for a ' +
        'subset.',
      command: LIST_CLUSTERS,
      expected: none,
      count: countSubsetClusters
    }),
    apply('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'Define a subset for each version of the catalog.'),
    load('with-subsets', '/api/catalog', { says: 'Send requests. All calls succeed.', arrived: { only: answered } }),
    expect('calls-answered', 'calls that succeed once the subsets are defined', all, answered),
    inspect('proxy-has-subsets', 'subsets that the webapp\'s sidecar knows', {
      says: 'List the clusters again. There is one for each subset now.',
      command: LIST_CLUSTERS,
      expected: all,
      count: countSubsetClusters
    }),
    inspect('analyzer-finds-nothing', 'missing subsets that the analyzer still reports', {
      says: 'Run the analyzer again. It no longer reports missing subsets.',
      command: ANALYZE,
      expected: none,
      count: countReportedSubsets
    })
  ],
  look: [
    '`istioctl analyze k8s/services k8s/istio/ch10/catalog-virtualservice-subsets-v1-v2.yaml --use-kube=false`: ' +
      'the analyzer can check files before you apply them.',
    '`kubectl logs deploy/webapp -c istio-proxy`: if the mesh writes an access log, it shows the failed calls with ' +
      'the response flag `NC`, which means no cluster. The sidecar has called no pod.',
    '`istioctl proxy-status` shows `SYNCED`: the sidecar has received its configuration. So the mistake is in the ' +
      'configuration itself.',
    '`istioctl x describe pod $(kubectl get pod -l app=catalog,version=v1 -o name | cut -d/ -f2)` shows which ' +
      'of Istio\'s objects apply to a pod, and which do not fit it.'
  ],
  controls: [withhold('istio/ch10/catalog-destinationrule-v1-v2.yaml', 'calls-answered')]
} satisfies Exercise

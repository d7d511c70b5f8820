import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load, run, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { from } from '../calls.ts'

/** The pods in what istioctl says of a cluster's endpoints; none where it says nothing. */
function hostsIn (output: string): { locality?: { zone?: string }, priority?: number }[] {
  try {
    return (JSON.parse(output) as { hostStatuses?: ReturnType<typeof hostsIn> }[]).flatMap(({ hostStatuses = [] }) => hostStatuses)
  } catch {
    return []
  }
}

const live = (deployment: string, zone: string, says: string) => run(
  `kubectl patch deployment ${deployment} --patch {"spec":{"template":{"metadata":{"labels":{"istio-locality":"us-west1.us-west1-${zone}"}}}}}`,
  says, { makes: [`:deployment.apps/${deployment}`] })

export default {
  id: 'ch6.locality',
  title: 'Stay in the zone, and leave it when it is not well',
  aim: 'With outlier detection calls go to the pods in the caller\'s own zone, and to another zone only when those fail. Labels say where pods are, in place of nodes in real zones.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    live('webapp', 'a', 'Let the webapp live in zone a,'),
    live('catalog', 'a', 'version 1 of the catalog as well,'),
    live('catalog-v2', 'b', 'and version 2 in zone b.'),
    apply('istio/ch6/catalog-dr-locality.yaml', 'Let the proxies notice pods that fail. Without that they would not know when to leave a zone.'),
    load('stay-in-zone', '/api/catalog', { says: 'All calls stay in zone a.', arrived: { only: from('v1') } }),
    expect('own-zone-answers', 'answers from the own zone', all, from('v1')),
    fault('500 100 --version v1', 'Let zone a fail.'),
    load('leave-zone', '/api/catalog', { says: 'After three failures the calls go to zone b.', arrived: { only: from('v2') }, within: 28_000, recovers: 35_000 }), // the pod of zone a is ejected for thirty seconds
    expect('other-zone-answers', 'answers from the other zone', all, from('v2')),
    inspect('priorities-of-zones', 'pods with the priority of their zone', {
      says: 'Look at the proxy\'s view of both pods: the other zone has the lower priority.',
      command: ['istioctl', 'proxy-config', 'endpoints', 'deploy/webapp', '-n', 'NAMESPACE', '--cluster', 'outbound|80||catalog.NAMESPACE.svc.cluster.local', '-o', 'json'],
      expected: all,
      count: ({ output }) => share(hostsIn(output), ({ locality, priority = 0 }) => priority === (locality?.zone === 'us-west1-a' ? 0 : 1))
    })
  ],
  look: [
    '`istioctl proxy-config endpoints deploy/webapp --cluster "outbound|80||catalog.istioinaction.svc.cluster.local"`: the pod in zone a is `FAILED` by the outlier check while it is ejected.',
    'In a cluster with zones nothing needs a label: nodes have `topology.kubernetes.io/zone`.',
    '`localityLbSetting.distribute` in a DestinationRule gives each zone a share in place of all or nothing.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-locality.yaml', 'own-zone-answers')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, inspect, load, run, share } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { from } from '../calls.ts'

interface Host { locality?: { zone?: string }, priority?: number }

/** The pods in the JSON of `istioctl proxy-config endpoints`. If the output is not JSON, there are none. */
function hostsIn (output: string): Host[] {
  try {
    return (JSON.parse(output) as { hostStatuses?: Host[] }[]).flatMap(({ hostStatuses = [] }) => hostStatuses)
  } catch {
    return []
  }
}

function assignToZone (deployment: string, zone: string, says: string) {
  const template = `{"metadata":{"labels":{"istio-locality":"us-west1.us-west1-${zone}"}}}`
  return run(`kubectl patch deployment ${deployment} --patch {"spec":{"template":${template}}}`, says, {
    makes: [`:deployment.apps/${deployment}`]
  })
}

export default {
  id: 'ch6.locality',
  title: 'Keep calls in their zone, and fail over to another zone',
  aim: 'With outlier detection, calls go to the pods in the caller\'s own zone. They go to another zone only when ' +
    'those pods fail. Here, labels assign the pods to zones. In a cluster with real zones, the zone of a pod is ' +
    'that of its node.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    assignToZone('webapp', 'a', 'Assign the webapp to zone a.'),
    assignToZone('catalog', 'a', 'Assign version 1 of the catalog to zone a.'),
    assignToZone('catalog-v2', 'b', 'Assign version 2 of the catalog to zone b.'),
    apply('istio/ch6/catalog-dr-locality.yaml',
      'Turn on outlier detection, with which the sidecars notice failing pods. Without it, they would not know ' +
        'when to call another zone.'),
    load('stay-in-zone', '/api/catalog', {
      says: 'Send requests. All calls stay in zone a.',
      arrived: { only: from('v1') }
    }),
    expect('own-zone-answers', 'answers from the webapp\'s own zone', all, from('v1')),
    fault('500 100 --version v1', 'Make version 1, the pod in zone a, answer every call with 500.'),
    load('leave-zone', '/api/catalog', {
      says: 'Send requests. After three failures, the calls go to zone b.',
      arrived: { only: from('v2') },
      within: 28_000, // the pod in zone a is ejected for thirty seconds
      recovers: 35_000
    }),
    expect('other-zone-answers', 'answers from the other zone', all, from('v2')),
    inspect('priorities-of-zones', 'pods with the right priority for their zone', {
      says: 'List both pods, as the webapp\'s sidecar sees them. The pod in zone a has priority 0. The pod in zone ' +
        'b has priority 1, which is lower.',
      command: [
        'istioctl', 'proxy-config', 'endpoints', 'deploy/webapp', '-n', 'NAMESPACE',
        '--cluster', 'outbound|80||catalog.NAMESPACE.svc.cluster.local', '-o', 'json'
      ],
      expected: all,
      count: ({ output }) => share(hostsIn(output), ({ locality, priority = 0 }) =>
        priority === (locality?.zone === 'us-west1-a' ? 0 : 1))
    })
  ],
  look: [
    '`istioctl proxy-config endpoints deploy/webapp --cluster "outbound|80||catalog.istioinaction.svc.cluster.local"`' +
      ': the column `OUTLIER CHECK` shows `FAILED` for the pod in zone a while it is ejected.',
    'A cluster with real zones needs no such labels: its nodes have the label `topology.kubernetes.io/zone`.',
    '`localityLbSetting.distribute` in a DestinationRule gives each zone a share of the calls. Without it, the ' +
      'caller\'s own zone gets all calls.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-locality.yaml', 'own-zone-answers')]
} satisfies Exercise

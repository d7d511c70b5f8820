import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { hasImages } from '../calls.ts'

export default {
  id: 'ch2.v2',
  title: 'Deploy a second version',
  aim: 'A second Deployment behind the same Service gets its share of the calls at once. Unless a route prevents ' +
    'this, a version is released as soon as it is deployed.',
  needs: ['store', 'gateway'],
  steps: [
    apply('services/catalog-v2.yaml', 'Deploy version 2 of the catalog. Its items have pictures.'),
    load('both-versions', '/api/catalog', {
      says: 'Send requests. About half of the answers have pictures.',
      arrived: { seen: hasImages }
    }),
    expect('answers-with-pictures', 'answers with pictures', around(1 / 2, { low: 0.3, high: 0.7 }), hasImages),
    expect('pictures-from-v2', 'answers with pictures that come from version 2', all,
      ({ version }) => version === 'v2', { among: hasImages })
  ],
  look: [
    '`kubectl get endpointslices -l kubernetes.io/service-name=catalog`: one Service has two pods.',
    '`istioctl proxy-config endpoints deploy/webapp --cluster ' +
      '"outbound|80||catalog.istioinaction.svc.cluster.local"`: the same pods, as the webapp\'s sidecar sees them.',
    'For each call, Istio chooses two pods at random, and takes the less busy one. ' +
      'The calls are not independent draws, so the check allows a wide range around one half.'
  ],
  controls: [withhold('services/catalog-v2.yaml', 'answers-with-pictures')]
} satisfies Exercise

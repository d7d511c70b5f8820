import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { hasImages } from '../calls.ts'

export default {
  id: 'ch2.v2',
  title: 'Add a second version',
  aim: 'A second Deployment behind the same Service gets its share of the calls at once: to deploy is to release, as long as no route says otherwise.',
  needs: ['store', 'gateway'],
  steps: [
    apply('services/catalog-v2.yaml', 'Deploy version 2 of the catalog, whose items have pictures.'),
    load('both-versions', '/api/catalog', { says: 'About half of the answers have pictures.', arrived: { seen: hasImages } }),
    expect('answers-with-pictures', 'answers with pictures', around(1 / 2, { low: 0.3, high: 0.7 }), hasImages),
    expect('pictures-from-v2', 'answers with pictures that version 2 has given', all, ({ version }) => version === 'v2', { among: hasImages })
  ],
  look: [
    '`kubectl get endpointslices -l kubernetes.io/service-name=catalog`: one Service, two pods.',
    '`istioctl proxy-config endpoints deploy/webapp --cluster "outbound|80||catalog.istioinaction.svc.cluster.local"`: how the webapp\'s proxy sees them.',
    'Istio gives each call to the less busy of two pods chosen at random. That is no coin, which is why a band is judged here and no exact half.'
  ],
  controls: [withhold('services/catalog-v2.yaml', 'answers-with-pictures')]
} satisfies Exercise

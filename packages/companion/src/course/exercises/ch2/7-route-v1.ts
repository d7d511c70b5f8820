import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'

export default {
  id: 'ch2.route-v1',
  title: 'Pin everybody to version 1',
  aim: 'A DestinationRule gives names to versions, and a VirtualService routes by them: version 2 is deployed, and nobody gets it.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch2/catalog-virtualservice-all-v1.yaml', 'Send everybody to version 1.'),
    load('pinned', '/api/catalog', { says: 'No answer has pictures.', arrived: { only: hasNoImages } }),
    expect('answers-without-pictures', 'answers without pictures', all, hasNoImages),
    expect('answers-from-v1', 'answers that version 1 has given', all, ({ version }) => version === 'v1')
  ],
  look: [
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local`: a cluster for each subset.',
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the route names `version-v1`.',
    'Apply the VirtualService before the DestinationRule and the calls fail with 503 for a moment: the route leads to a subset that is not there yet.'
  ],
  controls: [withhold('istio/ch2/catalog-virtualservice-all-v1.yaml', 'answers-without-pictures')]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'

export default {
  id: 'ch2.route-v1',
  title: 'Send all calls to version 1',
  aim: 'A DestinationRule defines a subset for each version, and a VirtualService routes to a subset. ' +
    'Version 2 is deployed, but gets no calls.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch2/catalog-virtualservice-all-v1.yaml', 'Route all calls to version 1.'),
    load('pinned', '/api/catalog', {
      says: 'Send requests. No answer has pictures.',
      arrived: { only: hasNoImages }
    }),
    expect('answers-without-pictures', 'answers without pictures', all, hasNoImages),
    expect('answers-from-v1', 'answers from version 1', all, ({ version }) => version === 'v1')
  ],
  look: [
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local`: a ' +
      'cluster is Envoy\'s name for a group of pods that get calls. Each subset has its own cluster.',
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the route names the subset `version-v1`.',
    'If you apply the VirtualService before the DestinationRule, calls fail with 503 for a moment: ' +
      'the route leads to a subset that does not exist yet.'
  ],
  controls: [withhold('istio/ch2/catalog-virtualservice-all-v1.yaml', 'answers-without-pictures')]
} satisfies Exercise

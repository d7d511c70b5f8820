import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { about } from '../../../judge/statistics.ts'
import { hasImages } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'
import { defineSubsets } from '../subsets.ts'

export default {
  id: 'ch5.weights',
  title: 'Shift traffic by weight',
  aim: 'With weights, a version gets a fixed share of the calls. The caller\'s sidecar chooses the version at ' +
    'random for each call. So the share depends neither on the caller nor on the number of pods.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'Give version 2 a weight of 10, and version 1 a weight of 90.'),
    waitForWebappRoutes('proxy-has-weight-10', 'webapp sidecars with a weight of 10', /"weight": 10\b/),
    load('tenth', '/api/catalog', { says: 'Send requests. About one answer in ten has pictures.' }),
    expect('v2-gets-tenth', 'answers from version 2 at a weight of 10',
      about(1 / 10, { tellFrom: [1 / 5] }), hasImages),
    apply('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'Give both versions a weight of 50.'),
    waitForWebappRoutes('proxy-has-weight-50', 'webapp sidecars with a weight of 50', /"weight": 50\b/),
    load('half', '/api/catalog', { says: 'Send requests. About half of the answers have pictures.' }),
    expect('v2-gets-half', 'answers from version 2 at a weight of 50',
      about(1 / 2, { tellFrom: [0.65] }), hasImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the weights are in `weightedClusters`.',
    '`kubectl scale deployment/catalog --replicas=3`: the shares stay the same. ' +
      'Without weights, they would follow the number of pods.'
  ],
  controls: [
    withhold('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'v2-gets-tenth'),
    otherFile('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'v2-gets-half')
  ]
} satisfies Exercise

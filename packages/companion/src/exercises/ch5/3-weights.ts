import { apply, expect, load, otherFile, withhold, type Exercise } from '../../exercise.ts'
import { about } from '../../judgement.ts'
import { hasImages } from '../ch2/calls.ts'
import { webappRoutesBy } from '../proxies.ts'

export default {
  id: 'ch5.weights',
  title: 'Shift the traffic',
  aim: 'Weights release a version to a share of the calls. Each call is a draw of its own, so that the share holds whoever calls, and however many pods there are.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'Give version 2 a tenth of the calls.'),
    webappRoutesBy('the webapp\'s proxy has the weight of 10', /"weight": 10\b/),
    load('/api/catalog', { says: 'One answer in ten has pictures.' }),
    expect('answers of version 2 at a weight of 10', about(1 / 10, { tellFrom: [1 / 5] }), hasImages),
    apply('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'Give it half of them.'),
    webappRoutesBy('the webapp\'s proxy has the weight of 50', /"weight": 50\b/),
    load('/api/catalog', { says: 'Half of them have.' }),
    expect('answers of version 2 at a weight of 50', about(1 / 2, { tellFrom: [0.65] }), hasImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: `weightedClusters`.',
    '`kubectl scale deployment/catalog --replicas=3`: the shares stay. Without weights they would follow the number of pods.'
  ],
  controls: [
    withhold('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'answers of version 2 at a weight of 10'),
    otherFile('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'answers of version 2 at a weight of 50')
  ]
} satisfies Exercise

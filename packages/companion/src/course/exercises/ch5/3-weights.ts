import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { about } from '../../../judge/statistics.ts'
import { hasImages } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'

export default {
  id: 'ch5.weights',
  title: 'Shift the traffic',
  aim: 'Weights release a version to a share of the calls. Each call is a draw of its own, so that the share holds whoever calls, and however many pods there are.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'Give version 2 a tenth of the calls.'),
    waitForWebappRoutes('proxy-has-weight-10', 'the webapp\'s proxy has the weight of 10', /"weight": 10\b/),
    load('tenth', '/api/catalog', { says: 'One answer in ten has pictures.' }),
    expect('v2-gets-tenth', 'answers of version 2 at a weight of 10', about(1 / 10, { tellFrom: [1 / 5] }), hasImages),
    apply('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'Give it half of them.'),
    waitForWebappRoutes('proxy-has-weight-50', 'the webapp\'s proxy has the weight of 50', /"weight": 50\b/),
    load('half', '/api/catalog', { says: 'Half of them have.' }),
    expect('v2-gets-half', 'answers of version 2 at a weight of 50', about(1 / 2, { tellFrom: [0.65] }), hasImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: `weightedClusters`.',
    '`kubectl scale deployment/catalog --replicas=3`: the shares stay. Without weights they would follow the number of pods.'
  ],
  controls: [
    withhold('istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'v2-gets-tenth'),
    otherFile('istio/ch5/catalog-vs-v2-50-50-mesh.yaml', 'istio/ch5/catalog-vs-v2-10-90-mesh.yaml', 'v2-gets-half')
  ]
} satisfies Exercise

import { otherFile } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { around } from '../../../judge/statistics.ts'
import { inTurn, needs, slowPod, slowPodGets, spread, waiting } from './balancing.ts'

export default {
  id: 'ch6.lb-least-request',
  title: 'Balance by what is under way',
  aim: 'Least request gives a call to the less busy of two pods that are drawn by lot: a slow pod is busy, and gets few. In turn half of the callers would wait for it, which is seen first.',
  needs,
  steps: [
    slowPod,
    ...spread(inTurn, { id: 'in-turn', how: 'in turn' }),
    waiting('in-turn', 'in turn', around(1 / 2, { low: 0.42, high: 0.7 })),
    ...spread({ file: 'istio/ch6/catalog-dr-least-request.yaml', sign: /"lbPolicy": "LEAST_REQUEST"/ }, { id: 'least-request', how: 'by least request' }),
    waiting('least-request', 'by least request', around(1 / 4, { low: 0.05, high: 0.4 })), // the bands do not meet: whatever passes, fewer wait than in turn
    ...slowPodGets(around(1 / 4, { low: 0.05, high: 0.4 }))
  ],
  look: [
    'The lines `latency` of the two tallies: in turn the median lies between the fast answers and the slow ones, by least request it is as short as the fast ones.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `lbPolicy`.'
  ],
  controls: [otherFile('istio/ch6/catalog-dr-least-request.yaml', inTurn.file, 'slow-least-request')]
} satisfies Exercise

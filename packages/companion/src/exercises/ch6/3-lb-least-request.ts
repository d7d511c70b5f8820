import { otherFile, type Exercise } from '../../exercise.ts'
import { around } from '../../judgement.ts'
import { needs, steps } from './balancing.ts'

export default {
  id: 'ch6.lb-least-request',
  title: 'Balance by what is under way',
  aim: 'Least request gives a call to the less busy of two pods that are drawn by lot: a slow pod is busy, and gets few.',
  needs,
  steps: steps('istio/ch6/catalog-dr-least-request.yaml', /"lbPolicy": "LEAST_REQUEST"/, around(1 / 4, { low: 0.05, high: 0.4 })),
  look: [
    'The line `latency` of the tally, beside those of the other two: ch6.lb-round-robin, ch6.lb-random, ch6.lb-least-request.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `lbPolicy`.'
  ],
  controls: [otherFile('istio/ch6/catalog-dr-least-request.yaml', 'istio/ch6/catalog-dr-rr.yaml', 'calls that the slow pod gets')]
} satisfies Exercise

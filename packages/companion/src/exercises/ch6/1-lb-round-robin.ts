import { withhold, type Exercise } from '../../exercise.ts'
import { around } from '../../judgement.ts'
import { needs, steps } from './balancing.ts'

export default {
  id: 'ch6.lb-round-robin',
  title: 'Balance in turn',
  aim: 'Round robin gives each pod as many calls as the others, however slow it is: with one slow pod of two, half of the callers wait.',
  needs,
  steps: steps('istio/ch6/catalog-dr-rr.yaml', /^(?![^]*"lbPolicy")/, around(1 / 2, { low: 0.42, high: 0.58 })),
  look: [
    'The line `latency` of the tally, beside those of the other two: ch6.lb-round-robin, ch6.lb-random, ch6.lb-least-request.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `lbPolicy`.'
  ],
  controls: [withhold('istio/ch6/catalog-dr-rr.yaml', 'calls that the slow pod gets')]
} satisfies Exercise

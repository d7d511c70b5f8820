import { otherFile } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { about } from '../../../judge/statistics.ts'
import { needs, slowPod, slowPodGets, spread } from './balancing.ts'

export default {
  id: 'ch6.lb-random',
  title: 'Balance by lot',
  aim: 'Random gives each pod about as many calls as the others, and needs to know nothing about them: with one slow pod of two, half of the callers wait.',
  needs,
  steps: [slowPod, ...spread({ file: 'istio/ch6/catalog-dr-random.yaml', sign: /"lbPolicy": "RANDOM"/ }), ...slowPodGets(about(1 / 2, { tellFrom: [0.35] }))],
  look: [
    'The line `latency` of the tally. ch6.lb-least-request compares it with that of another way, in one run.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `lbPolicy`.'
  ],
  controls: [otherFile('istio/ch6/catalog-dr-random.yaml', 'istio/ch6/catalog-dr-least-request.yaml', 'slow-pod-share')]
} satisfies Exercise

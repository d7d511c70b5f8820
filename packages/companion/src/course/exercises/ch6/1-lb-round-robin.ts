import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { around } from '../../../judge/statistics.ts'
import { inTurn, needs, slowPod, slowPodGets, spread } from './balancing.ts'

export default {
  id: 'ch6.lb-round-robin',
  title: 'Balance in turn',
  aim: 'Round robin gives each pod as many calls as the others, however slow it is: with one slow pod of two, half of the callers wait.',
  needs,
  steps: [slowPod, ...spread(inTurn), ...slowPodGets(around(1 / 2, { low: 0.42, high: 0.58 }))],
  look: [
    'The line `latency` of the tally. ch6.lb-least-request compares it with that of another way, in one run.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: `lbPolicy`.'
  ],
  controls: [withhold(inTurn.file, 'slow-pod-share')]
} satisfies Exercise

import { otherFile } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { about } from '../../../judge/statistics.ts'
import { balanceBy, expectSlowPodShare, needs, slowDownVersion2 } from './balancing.ts'

const random = { name: 'random', file: 'istio/ch6/catalog-dr-random.yaml', sign: /"lbPolicy": "RANDOM"/ }

export default {
  id: 'ch6.lb-random',
  title: 'Balance the load at random',
  aim: 'Random balancing sends each pod about the same number of calls, and needs no information about the pods. ' +
    'If one of two pods is slow, half of the callers wait for it.',
  needs,
  steps: [slowDownVersion2, ...balanceBy(random), ...expectSlowPodShare(about(1 / 2, { tellFrom: [0.35] }))],
  look: [
    'The companion prints the line `latency` below the progress bar. It shows how long the calls took. ' +
      'ch6.lb-least-request shows this line for two policies in one run.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: ' +
      'the field `lbPolicy` names the policy.'
  ],
  controls: [otherFile(random.file, 'istio/ch6/catalog-dr-least-request.yaml', 'slow-pod-share')]
} satisfies Exercise

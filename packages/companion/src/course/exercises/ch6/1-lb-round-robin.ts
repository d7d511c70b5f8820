import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { around } from '../../../judge/statistics.ts'
import { balanceBy, expectSlowPodShare, needs, roundRobin, slowDownVersion2 } from './balancing.ts'

export default {
  id: 'ch6.lb-round-robin',
  title: 'Balance the load with round robin',
  aim: 'Round robin sends each pod the same number of calls, even if one of the pods is slow. If one of two pods ' +
    'is slow, half of the callers wait for it.',
  needs,
  steps: [slowDownVersion2, ...balanceBy(roundRobin), ...expectSlowPodShare(around(1 / 2, { low: 0.42, high: 0.58 }))],
  look: [
    'The companion prints the line `latency` below the progress bar. It shows how long the calls took. ' +
      'ch6.lb-least-request shows this line for two policies in one run.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: ' +
      'the field `lbPolicy` is missing, because round robin is Envoy\'s default.'
  ],
  controls: [withhold(roundRobin.file, 'slow-pod-share')]
} satisfies Exercise

import { otherFile } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { around } from '../../../judge/statistics.ts'
import { balanceBy, expectSlowCalls, expectSlowPodShare, needs, roundRobin, slowDownVersion2 } from './balancing.ts'

const leastRequest = {
  name: 'least request',
  file: 'istio/ch6/catalog-dr-least-request.yaml',
  sign: /"lbPolicy": "LEAST_REQUEST"/
}

export default {
  id: 'ch6.lb-least-request',
  title: 'Balance the load by active requests',
  aim: 'Least request picks two pods at random, and calls the one with fewer active requests. A slow pod has many ' +
    'of them, so it gets few calls. For comparison, the exercise first uses round robin, where half of the callers ' +
    'wait for the slow pod.',
  needs,
  steps: [
    slowDownVersion2,
    ...balanceBy(roundRobin, 'in-turn'),
    expectSlowCalls('in-turn', roundRobin, around(1 / 2, { low: 0.42, high: 0.7 })),
    ...balanceBy(leastRequest, 'least-request'),
    // The two bands do not overlap: if both checks pass, fewer calls are slow than with round robin.
    expectSlowCalls('least-request', leastRequest, around(1 / 4, { low: 0.05, high: 0.44 })),
    ...expectSlowPodShare(around(1 / 4, { low: 0.05, high: 0.44 }))
  ],
  look: [
    'The companion prints a line `latency` below each of the two progress bars. With round robin, the median is ' +
      'between the fast and the slow answers. With least request, the median is as short as the fast answers.',
    '`istioctl proxy-config clusters deploy/webapp --fqdn catalog.istioinaction.svc.cluster.local -o yaml`: ' +
      'the field `lbPolicy` names the policy.'
  ],
  controls: [otherFile(leastRequest.file, roundRobin.file, 'slow-least-request')]
} satisfies Exercise

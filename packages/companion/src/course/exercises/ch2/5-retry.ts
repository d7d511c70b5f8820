import { otherFault, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, all, none } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'

export default {
  id: 'ch2.retry',
  title: 'Heal it with retries',
  aim: 'With three more attempts a call fails only if all four do: of a catalog that fails half of the time, one call in sixteen still sees it. No service has changed for that.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500 50', 'Let half of the catalog\'s answers fail.'),
    apply('istio/ch2/catalog-virtualservice.yaml', 'Let the proxies try three more times.'),
    load('retried-calls', '/api/catalog', { says: 'Most of the calls get through, many at a later attempt.', arrived: { seen: ({ attempt = 1 }) => attempt > 1 } }),
    expect('calls-fail', 'calls that fail', about(1 / 16, { tellFrom: [1 / 8, 0.6 ** 4] }), failed),
    expect('failures-had-four-attempts', 'failures that have had four attempts', all, ({ attempt }) => attempt === 4, { among: failed, bears: 1000 }), // an attempt has two seconds
    expect('no-fifth-attempt', 'calls that have had more than four', none, ({ attempt = 1 }) => attempt > 4)
  ],
  look: [
    '`curl -i localhost:8080/api/catalog`: `x-attempt` tells which attempt the answer came from.',
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the retry policy is with the caller; the webapp\'s proxy has it, the catalog\'s has not.',
    '`kubectl logs deploy/catalog -c catalog`: there are more requests in it than were sent.'
  ],
  controls: [
    withhold('istio/ch2/catalog-virtualservice.yaml', 'calls-fail'),
    otherFault('fault-500-50', '500 60', 'calls-fail')
  ]
} satisfies Exercise

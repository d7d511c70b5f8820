import { otherFault, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, fault, load } from '../../steps.ts'
import { about, all, none } from '../../../judge/statistics.ts'
import { failed } from '../calls.ts'

export default {
  id: 'ch2.retry',
  title: 'Recover with retries',
  aim: 'With retries, the caller\'s sidecar repeats a failed call up to three times, so a call fails only if all ' +
    'four attempts fail. If half of the attempts fail, one call in sixteen still fails. No service has to change.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500 50', 'Make the catalog answer half of the calls with 500.'),
    apply('istio/ch2/catalog-virtualservice.yaml', 'Make the sidecars retry a failed call up to three times.'),
    load('retried-calls', '/api/catalog', {
      says: 'Send requests. Most calls succeed, many of them only after a retry.',
      arrived: { seen: ({ attempt = 1 }) => attempt > 1 }
    }),
    expect('calls-fail', 'failed calls', about(1 / 16, { tellFrom: [1 / 8, 0.6 ** 4] }), failed),
    expect('failures-had-four-attempts', 'failed calls that had four attempts', all, ({ attempt }) => attempt === 4, {
      among: failed,
      tolerates: 1000 // an attempt times out after two seconds
    }),
    expect('no-fifth-attempt', 'calls that had more than four attempts', none, ({ attempt = 1 }) => attempt > 4)
  ],
  look: [
    '`curl -i localhost:8080/api/catalog`: the header `x-attempt` shows which attempt got the answer.',
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the retry policy belongs to the caller. ' +
      'The webapp\'s sidecar has it, and the catalog\'s does not.',
    '`kubectl logs deploy/catalog -c catalog`: the catalog received more requests than you sent.'
  ],
  controls: [
    withhold('istio/ch2/catalog-virtualservice.yaml', 'calls-fail'),
    otherFault('fault-500-50', '500 60', 'calls-fail')
  ]
} satisfies Exercise

import { otherFault } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { expect, fault, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'

export default {
  id: 'ch2.chaos',
  title: 'Break the catalog',
  aim: 'You inject faults into the running catalog: first every call fails, then half of the calls. ' +
    'By default, Istio retries some failed calls, but not those that get a 500.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500 100', 'Let the catalog answer every call with 500.'),
    load('all-fail', '/api/catalog', { says: 'Send requests. Every call fails.' }),
    expect('all-calls-fail', 'calls that fail when all of the catalog\'s answers fail', all, failed),
    expect('failures-marked', 'failed calls that are marked as injected', all, call => call.fault === '500', {
      among: failed
    }),
    fault('500 50', 'Let the catalog answer half of the calls with 500.'),
    load('half-fail', '/api/catalog', { says: 'Send requests. About half of the calls succeed.' }),
    expect('calls-fail', 'calls that fail when half of the catalog\'s answers fail',
      about(1 / 2, { tellFrom: [0.6] }), failed),
    expect('others-answered', 'other calls that return the catalog', all, answered, { among: call => !failed(call) })
  ],
  look: [
    '`scripts/chaos.sh show`: the rule in each pod, with the numbers of `draws` and `hits`.',
    '`curl -i localhost:8080/api/catalog`: `x-chaos: 500` marks the injected fault, and `x-served-by` names the pod.',
    '`docs/faults.md`: latency, dropped connections, scopes, and a seed that repeats the same faults.'
  ],
  controls: [otherFault('fault-500-50', '500 60', 'calls-fail')]
} satisfies Exercise

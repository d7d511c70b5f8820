import { otherFault } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { expect, fault, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'

export default {
  id: 'ch2.chaos',
  title: 'Break the catalog',
  aim: 'You inject faults into the running catalog: first all calls fail, then half of them. By default, Istio ' +
    'retries some failed calls, but not those that get a 500.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500 100', 'Make the catalog answer every call with 500.'),
    load('all-fail', '/api/catalog', { says: 'Send requests. Every call fails.' }),
    expect('all-calls-fail', 'failed calls at a fault rate of 100 %', all, failed),
    expect('failures-marked', 'failed calls that are marked as injected', all, call => call.fault === '500', {
      among: failed
    }),
    fault('500 50', 'Make the catalog answer half of the calls with 500.'),
    load('half-fail', '/api/catalog', { says: 'Send requests. About half of the calls succeed.' }),
    expect('calls-fail', 'failed calls at a fault rate of 50 %',
      about(1 / 2, { tellFrom: [0.6] }), failed),
    expect('others-answered', 'other calls that return the catalog', all, answered, { among: call => !failed(call) })
  ],
  look: [
    '`scripts/chaos.sh show`: the rule that injects the fault, for each pod. `draws` counts the requests to ' +
      'which the rule applied, and `hits` counts those that got the fault.',
    '`curl -i localhost:8080/api/catalog`: `x-chaos: 500` marks the injected fault, and `x-served-by` names the pod.',
    '`docs/faults.md` describes all faults, such as latency and dropped connections. It also describes how to ' +
      'limit a fault to some of the requests, and how to repeat the same faults with a seed.'
  ],
  controls: [otherFault('fault-500-50', '500 60', 'calls-fail')]
} satisfies Exercise

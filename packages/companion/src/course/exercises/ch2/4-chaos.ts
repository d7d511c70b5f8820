import { otherFault } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { expect, fault, load } from '../../steps.ts'
import { about, all } from '../../../judge/statistics.ts'
import { answered, failed } from '../calls.ts'

export default {
  id: 'ch2.chaos',
  title: 'Break the catalog',
  aim: 'Faults are switched on in the running service: first every call fails, then half of them. Istio retries by itself, but not an answer with the status 500.',
  needs: ['store', 'gateway'],
  steps: [
    fault('500 100', 'Let every answer of the catalog be a 500.'),
    load('all-fail', '/api/catalog', { says: 'Nothing gets through.' }),
    expect('all-calls-fail', 'calls that fail while all of the catalog\'s answers do', all, failed),
    expect('failures-marked', 'failures that are marked as injected', all, call => call.fault === '500', { among: failed }),
    fault('500 50', 'Let half of them be one.'),
    load('half-fail', '/api/catalog', { says: 'Half of the calls get through.' }),
    expect('calls-fail', 'calls that fail', about(1 / 2, { tellFrom: [0.6] }), failed),
    expect('others-answered', 'other calls that get the catalog', all, answered, { among: call => !failed(call) })
  ],
  look: [
    '`scripts/chaos.sh show`: the rule in each pod, how often it was asked and how often it hit.',
    '`curl -i localhost:8080/api/catalog`: `x-chaos: 500` marks the injected fault, `x-served-by` names the pod.',
    '`docs/faults.md`: latencies, dropped connections, scopes, and replay by a seed.'
  ],
  controls: [otherFault('fault-500-50', '500 60', 'calls-fail')]
} satisfies Exercise

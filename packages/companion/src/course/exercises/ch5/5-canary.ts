import { otherFault } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, expect, expectCount, fault, load, once } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed, hasImages, hasNoImages } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'

const prints = (text: string) => ({ output }: Observed) => once(output.includes(text))
const canary = ['scripts/canary.sh', '-n', 'NAMESPACE']

export default {
  id: 'ch5.canary',
  title: 'Release a version step by step, or roll it back',
  aim: 'The new version, the canary, gets 10, 50 and then 100 % of the calls, as long as its answers are good. ' +
    'Otherwise, it gets none. Here, a script sets the weights. Flagger can do the same without a script.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch5/catalog-vs-canary.yaml', 'Give version 2 a weight of 0.'),
    load('before-release', '/api/catalog', {
      says: 'Send requests. No answer has pictures.',
      arrived: { only: hasNoImages }
    }),
    expect('before-release-v1', 'answers from version 1 before the release', all, hasNoImages),
    load('release', '/api/catalog', {
      says: 'While requests come in, run the canary script. It releases version 2 ' +
      'step by step.',
      during: canary
    }),
    expectCount('release-completed', 'completed releases', all, prints('All calls go to version 2.')),
    expect('release-answered', 'calls that succeed during the release', all, answered),
    load('after-release', '/api/catalog', {
      says: 'Send requests. Every answer has pictures.',
      arrived: { only: hasImages }
    }),
    expect('after-release-v2', 'answers from version 2 after the release', all, hasImages),
    apply('istio/ch5/catalog-vs-canary.yaml', 'Give version 2 a weight of 0 again.', { id: 'canary-again' }),
    fault('500 100 --version v2', 'Make version 2 answer every call with 500.'),
    load('broken-release', '/api/catalog', {
      says: 'While requests come in, run the canary script again. It finds that version 2 is broken, and sends all ' +
        'calls to version 1.',
      during: canary
    }),
    expectCount('release-taken-back', 'releases that the script rolls back', all, prints('Taken back')),
    expect('few-calls-failed', 'failed calls during the broken release',
      around(1 / 20, { low: 0.005, high: 0.3 }), failed),
    load('after-taken-back', '/api/catalog', {
      says: 'Send requests. Version 1 answers all of them.',
      arrived: { only: hasNoImages }
    }),
    expect('after-taken-back-v1', 'answers from version 1 after the rollback', all, hasNoImages)
  ],
  look: [
    '`scripts/canary.sh --help` explains how the script judges a version. The script is short enough to read.',
    '`kubectl get virtualservice catalog -o yaml`: the weights that the script set last.',
    '`docs/flagger.md`: the same release as a Canary object for Flagger. ' +
      'It needs Flagger in the cluster, and Prometheus with Istio\'s metrics.'
  ],
  controls: [otherFault('fault-500-100-version-v2', '500 0 --version v2', 'release-taken-back')]
} satisfies Exercise

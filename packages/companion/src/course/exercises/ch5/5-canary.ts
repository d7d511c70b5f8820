import { otherFault } from '../../controls.ts'
import type { Exercise, Observed } from '../../exercise.ts'
import { apply, expect, expectCount, fault, load, once } from '../../steps.ts'
import { all, around } from '../../../judge/statistics.ts'
import { answered, failed, hasImages, hasNoImages } from '../calls.ts'

const says = (text: string) => ({ output }: Observed) => once(output.includes(text))
const canary = ['scripts/canary.sh', '-n', 'NAMESPACE']

export default {
  id: 'ch5.canary',
  title: 'Release a version step by step, or take it back',
  aim: 'A canary gets 10, 50 and then 100 % of the calls as long as its answers are good, and none as soon as they are not. A loop over two weights does that; Flagger does it without somebody who runs the loop.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-canary.yaml', 'Begin with nothing for version 2.'),
    load('before-release', '/api/catalog', { says: 'No answer has pictures.', arrived: { only: hasNoImages } }),
    expect('before-release-v1', 'answers of version 1 before the release', all, hasNoImages),
    load('release', '/api/catalog', { says: 'Release version 2 while requests come in.', during: canary }),
    expectCount('release-completed', 'releases that got to their end', all, says('All calls go to version 2.')),
    expect('release-answered', 'calls that were answered during the release', all, answered),
    load('after-release', '/api/catalog', { says: 'Every answer has pictures.', arrived: { only: hasImages } }),
    expect('after-release-v2', 'answers of version 2 after the release', all, hasImages),
    apply('istio/ch5/catalog-vs-canary.yaml', 'Begin once more.', { id: 'canary-again' }),
    fault('500 100 --version v2', 'This time version 2 is broken.'),
    load('broken-release', '/api/catalog', { says: 'Release it all the same, while requests come in.', during: canary }),
    expectCount('release-taken-back', 'releases that were taken back', all, says('Taken back')),
    expect('few-calls-failed', 'calls that failed meanwhile', around(1 / 20, { low: 0.005, high: 0.3 }), failed),
    load('after-taken-back', '/api/catalog', { says: 'Version 1 answers all of them.', arrived: { only: hasNoImages } }),
    expect('after-taken-back-v1', 'answers of version 1 after the release was taken back', all, hasNoImages)
  ],
  look: [
    '`scripts/canary.sh --help`: what it looks at. It is a page of shell, to be read.',
    '`kubectl get virtualservice catalog -o yaml`: the weights as the canary has left them.',
    '`docs/flagger.md`: the same as a Canary of Flagger\'s, for a cluster that has Flagger and Prometheus with Istio\'s metrics.'
  ],
  controls: [otherFault('fault-500-100-version-v2', '500 0 --version v2', 'release-taken-back')]
} satisfies Exercise

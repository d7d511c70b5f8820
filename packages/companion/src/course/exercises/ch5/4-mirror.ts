import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'

export default {
  id: 'ch5.mirror',
  title: 'Mirror the traffic',
  aim: 'Version 2 gets a copy of every call, and nobody gets its answers: it is tried with real requests before anybody depends on it.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-v1-mesh.yaml', 'Send everybody to version 1.'),
    load('before-mirror', '/api/catalog', { says: 'Version 2 has nothing to do.', arrived: { only: hasNoImages } }),
    expect('before-mirror-v1', 'answers of version 1 before', all, hasNoImages),
    apply('istio/ch5/catalog-vs-v2-mirror.yaml', 'Let version 1 answer, and send version 2 a copy of each call.'),
    waitForWebappRoutes('proxy-mirrors', 'the webapp\'s proxy mirrors', /"requestMirrorPolicies"/),
    load('mirrored', '/api/catalog', { says: 'Callers still see version 1 alone.' }),
    expect('mirrored-v1', 'answers of version 1', all, hasNoImages),
    inspect('v2-got-copies', 'calls of which version 2 has got a copy', {
      says: 'Read the log of version 2: the same requests.',
      command: ['kubectl', 'logs', 'deploy/catalog-v2', '-c', 'catalog', '--since=SINCE'],
      expected: all,
      count: ({ output, calls }) => ({ count: Math.min(calls.length, output.split('\n').filter(line => line.includes('"/items"')).length), of: calls.length })
    })
  ],
  look: [
    '`kubectl logs deploy/catalog-v2 -c catalog`: the `requestId` of each line is also in a line of `deploy/catalog`.',
    'The book sees `-shadow` behind the host of a copy. Today\'s Istio adds it only where istiod runs with `DISABLE_SHADOW_HOST_SUFFIX=false`.',
    '`scripts/chaos.sh 500 100 --version v2`: version 2 may fail as it likes, and callers do not see it.'
  ],
  controls: [withhold('istio/ch5/catalog-vs-v2-mirror.yaml', 'v2-got-copies')]
} satisfies Exercise

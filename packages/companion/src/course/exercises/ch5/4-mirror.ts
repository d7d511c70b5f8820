import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { waitForWebappRoutes } from '../proxies.ts'
import { defineSubsets } from '../subsets.ts'

export default {
  id: 'ch5.mirror',
  title: 'Mirror the traffic',
  aim: 'Version 2 gets a copy of every call, but no caller gets the answers of version 2. So you can test version ' +
    '2 with real requests before any caller depends on it.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch5/catalog-vs-v1-mesh.yaml', 'Route all calls within the mesh to version 1.'),
    load('before-mirror', '/api/catalog', {
      says: 'Send requests. Version 2 gets none of them.',
      arrived: { only: hasNoImages }
    }),
    expect('before-mirror-v1', 'answers from version 1 without the mirror', all, hasNoImages),
    apply('istio/ch5/catalog-vs-v2-mirror.yaml', 'Send a copy of each call to version 2. Version 1 still answers.'),
    waitForWebappRoutes('proxy-mirrors', 'webapp sidecars with the mirror', /"requestMirrorPolicies"/),
    load('mirrored', '/api/catalog', { says: 'Send requests. Version 1 answers all of them.' }),
    expect('mirrored-v1', 'answers from version 1 with the mirror', all, hasNoImages),
    inspect('v2-got-copies', 'calls that are copied to version 2', {
      says: 'Read the log of version 2. It has a line for each copy.',
      command: ['kubectl', 'logs', 'deploy/catalog-v2', '-c', 'catalog', '--since=SINCE'],
      expected: all,
      count ({ output, calls }) {
        const copies = output.split('\n').filter(line => line.includes('"/items"'))
        return { count: Math.min(calls.length, copies.length), of: calls.length }
      }
    })
  ],
  look: [
    '`kubectl logs deploy/catalog-v2 -c catalog`: the `requestId` of each line is also in the log of `deploy/catalog`.',
    'In the book, the host of a copy ends with `-shadow`. Current versions of Istio add this suffix only if istiod ' +
      'runs with `DISABLE_SHADOW_HOST_SUFFIX=false`.',
    '`scripts/chaos.sh 500 100 --version v2` makes version 2 answer every call with 500. Callers do not notice.'
  ],
  controls: [withhold('istio/ch5/catalog-vs-v2-mirror.yaml', 'v2-got-copies')]
} satisfies Exercise

import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'

export default {
  id: 'ch2.dark-launch',
  title: 'Launch version 2 only for callers with a header',
  aim: 'Callers that send the header x-dark-launch: v2 get version 2, and all others get version 1. This is called ' +
    'a dark launch. The webapp forwards the header, so the webapp\'s sidecar can route by it.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header x-dark-launch.'),
    load('with-header', '/api/catalog', {
      says: 'Send requests with the header x-dark-launch: v2. Version 2 answers.',
      headers: { 'x-dark-launch': 'v2' },
      arrived: { only: hasImages }
    }),
    expect('header-gets-v2', 'calls with the header that get pictures', all, hasImages),
    load('without-header', '/api/catalog', { says: 'Send requests without the header. Version 1 answers.' }),
    expect('others-get-v1', 'calls without the header that get no pictures', all, hasNoImages),
    load('other-value', '/api/catalog', {
      says: 'Send requests with another value of the header. Version 1 answers.',
      headers: { 'x-dark-launch': 'v3' }
    }),
    expect('other-value-gets-v1', 'calls with another value of the header that get no pictures', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the route with the match comes first, ' +
      'and the route for all other calls after it.',
    '`kubectl logs deploy/catalog-v2 -c catalog`: since the route was applied, version 2 has received only the ' +
      'calls with `x-dark-launch: v2`.',
    'The webapp\'s sidecar does the routing. The gateway has no route by this header.'
  ],
  controls: [
    withhold('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'header-gets-v2'),
    otherHeaders('other-value', { 'x-dark-launch': 'v2' }, 'other-value-gets-v1')
  ]
} satisfies Exercise

import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'

export default {
  id: 'ch2.dark-launch',
  title: 'Launch version 2 in the dark',
  aim: 'Who sends the header x-dark-launch: v2 gets version 2, everybody else stays with version 1. It works two hops deep because the webapp hands the header on.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'Route by the header.'),
    load('with-header', '/api/catalog', { says: 'With the header: version 2.', headers: { 'x-dark-launch': 'v2' }, arrived: { only: hasImages } }),
    expect('header-gets-v2', 'answers with pictures for who sends the header', all, hasImages),
    load('without-header', '/api/catalog', { says: 'Without it: version 1.' }),
    expect('others-get-v1', 'answers without pictures for who does not', all, hasNoImages),
    load('other-value', '/api/catalog', { says: 'With another value: version 1.', headers: { 'x-dark-launch': 'v3' } }),
    expect('other-value-gets-v1', 'answers without pictures for who sends another value', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the match comes first, the rest after it.',
    '`kubectl logs deploy/catalog-v2 -c catalog`: of the calls since the route was applied, those with the header and no others.',
    'The routing is done by the webapp\'s proxy. The gateway knows nothing of it.'
  ],
  controls: [
    withhold('istio/ch2/catalog-virtualservice-dark-v2.yaml', 'header-gets-v2'),
    otherHeaders('other-value', { 'x-dark-launch': 'v2' }, 'other-value-gets-v1')
  ]
} satisfies Exercise

import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { answered, from } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'

const host = 'catalog.istioinaction.io'

export default {
  id: 'ch5.edge',
  title: 'Route at the edge',
  aim: 'The catalog gets a host of its own at the gateway, and the gateway chooses the version. ' +
    'Deploying version 2 does not release it yet: internal users get it first.',
  needs: ['store', 'v2'],
  steps: [
    apply('istio/ch5/catalog-gateway.yaml', 'Let the gateway accept the catalog\'s host.'),
    load('no-route-yet', '/items', {
      says: 'Send requests for that host. The gateway has no route for it yet, so it answers 404.',
      host,
      arrived: { seen: ({ status }) => status > 0 }
    }),
    expect('no-route-is-404', 'calls that get 404 while there is no route', all, ({ status }) => status === 404),
    defineSubsets,
    apply('istio/ch5/catalog-vs-v1.yaml', 'Route all calls to version 1.'),
    load('all-to-v1', '/items', {
      says: 'Send requests. Version 2 is deployed, but version 1 answers all of them.',
      host,
      arrived: { only: from('v1') }
    }),
    expect('v1-answers', 'answers from version 1', all, from('v1')),
    expect('book-bytes', 'answers that have the 502 bytes of the book\'s four items', all,
      ({ body }) => Buffer.byteLength(body) === 502),
    load('ask-root', '/', {
      says: 'Send requests for the root path. The route covers every path of the host, so the catalog answers.',
      host
    }),
    expect('root-answers', 'calls to the root path that succeed', all, answered),
    apply('istio/ch5/catalog-vs-v2-request.yaml', 'Route calls with the header x-istio-cohort: internal to version 2.'),
    load('internal', '/items', {
      says: 'Send requests with the header, as internal users do. Version 2 answers.',
      host,
      headers: { 'x-istio-cohort': 'internal' },
      arrived: { only: from('v2') }
    }),
    expect('internal-gets-v2', 'calls with the header that get version 2', all, from('v2')),
    load('others', '/items', { says: 'Send requests without the header. Version 1 answers.', host }),
    expect('others-get-v1', 'calls without the header that get version 1', all, from('v1'))
  ],
  look: [
    '`istioctl proxy-config routes deploy/istio-ingressgateway -n istio-system -o yaml`: the gateway has a route ' +
      'for the host, with a match on the header, and the subsets as destinations.',
    '`curl -i -H \'Host: catalog.istioinaction.io\' localhost:8080/items`: `x-served-version` names the version.'
  ],
  controls: [
    withhold('istio/ch5/catalog-vs-v2-request.yaml', 'internal-gets-v2'),
    otherHeaders('others', { 'x-istio-cohort': 'internal' }, 'others-get-v1')
  ]
} satisfies Exercise

import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { answered, from } from '../calls.ts'

const host = 'catalog.istioinaction.io'

export default {
  id: 'ch5.edge',
  title: 'Route at the edge',
  aim: 'The catalog gets a host of its own at the gateway, and the gateway tells its versions apart: to deploy version 2 is not yet to release it, and who is internal sees it first.',
  needs: ['store', 'v2'],
  steps: [
    apply('istio/ch5/catalog-gateway.yaml', 'Let the gateway answer to the catalog\'s host.'),
    load('no-route-yet', '/items', { says: 'It does, but no route leads anywhere: 404.', host, arrived: { seen: ({ status }) => status > 0 } }),
    expect('no-route-is-404', 'answers without a route', all, ({ status }) => status === 404),
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-v1.yaml', 'Send everybody to version 1.'),
    load('all-to-v1', '/items', { says: 'Version 2 is deployed, and nobody gets it.', host, arrived: { only: from('v1') } }),
    expect('v1-answers', 'answers that version 1 has given', all, from('v1')),
    expect('book-bytes', 'answers with the 502 bytes of the book\'s four items', all, ({ body }) => Buffer.byteLength(body) === 502),
    load('ask-root', '/', { says: 'The route is for every path of the host: the catalog answers at its root as well.', host }),
    expect('root-answers', 'answers at the root', all, answered),
    apply('istio/ch5/catalog-vs-v2-request.yaml', 'Send who is internal to version 2.'),
    load('internal', '/items', { says: 'With the header of internal people: version 2.', host, headers: { 'x-istio-cohort': 'internal' }, arrived: { only: from('v2') } }),
    expect('internal-gets-v2', 'answers that version 2 has given to internal people', all, from('v2')),
    load('others', '/items', { says: 'Without it: version 1.', host }),
    expect('others-get-v1', 'answers that version 1 has given to others', all, from('v1'))
  ],
  look: [
    '`istioctl proxy-config routes deploy/istio-ingressgateway -n istio-system -o yaml`: the host, the match by header and the subsets are all in the gateway.',
    '`curl -i -H \'Host: catalog.istioinaction.io\' localhost:8080/items`: `x-served-version` names the version.'
  ],
  controls: [
    withhold('istio/ch5/catalog-vs-v2-request.yaml', 'internal-gets-v2'),
    otherHeaders('others', { 'x-istio-cohort': 'internal' }, 'others-get-v1')
  ]
} satisfies Exercise

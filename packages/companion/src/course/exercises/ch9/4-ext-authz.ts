import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { hasNoImages } from '../calls.ts'

/** The proxy waits a second for the authorizer, and denies then in its own words. */
const bears = 500

/** The authorizer's own words. */
const deniedByIt = ({ status, body }: Call) => status === 403 && body.startsWith('denied by ext_authz')

export default {
  id: 'ch9.ext-authz',
  title: 'Ask somebody else',
  aim: 'Where rules are not enough, the proxy asks a service of yours about each request, and does as it says.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch9/ext-authz.yaml', 'Deploy an authorizer, which says yes to whoever sends x-ext-authz: allow.'),
    apply('istio/ch9/ext-authz-envoyfilter.yaml', 'Let the webapp\'s proxy ask it.'),
    load('without-header', '/api/catalog', { says: 'Ask without the header.', arrived: { only: deniedByIt } }),
    expect('no-header-denied', 'calls without the header that the authorizer denies', all, deniedByIt, { bears }),
    load('with-header', '/api/catalog', { says: 'Ask with it.', headers: { 'x-ext-authz': 'allow' } }),
    expect('header-gets-catalog', 'calls with the header that get the catalog', all, hasNoImages, { bears }),
    load('other-value', '/api/catalog', { says: 'Ask with another value.', headers: { 'x-ext-authz': 'please' } }),
    expect('other-value-denied', 'calls with another value that the authorizer denies', all, deniedByIt, { bears })
  ],
  look: [
    '`kubectl logs deploy/ext-authz -c ext-authz`: what it was asked, and what it said.',
    '`kubectl scale deployment ext-authz --replicas=0`: without an answer nothing is let through.',
    'The book has an AuthorizationPolicy with `action: CUSTOM`, as in `k8s/istio/ch9/custom-authorization-policy.yaml`. It names an authorizer that the mesh\'s own configuration has to know under `extensionProviders`; the file says what to write there. ' +
      'No exercise changes the mesh\'s configuration, and so an EnvoyFilter tells the webapp\'s proxy what Istio would make of the policy.'
  ],
  controls: [
    withhold('istio/ch9/ext-authz-envoyfilter.yaml', 'no-header-denied'),
    withhold('istio/ch9/ext-authz.yaml', 'header-gets-catalog'),
    otherHeaders('other-value', { 'x-ext-authz': 'allow' }, 'other-value-denied')
  ]
} satisfies Exercise

import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { hasNoImages } from '../calls.ts'

/** The proxy waits one second for the authorizer. After that, it denies the call itself, with another text. */
const tolerates = 500

/** The authorizer denied the call: the text is the authorizer's, not the proxy's. */
const deniedByAuthorizer = ({ status, body }: Call) => status === 403 && body.startsWith('denied by ext_authz')

export default {
  id: 'ch9.ext-authz',
  title: 'Ask an external authorizer',
  aim: 'If the rules of a policy are not enough, the sidecar can ask a service of your own, the authorizer, about ' +
    'each request. The authorizer decides whether to allow the request.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch9/ext-authz.yaml', 'Deploy an authorizer that allows requests with the header x-ext-authz: allow.'),
    apply('istio/ch9/ext-authz-envoyfilter.yaml', 'Make the webapp\'s sidecar ask the authorizer about each request.'),
    load('without-header', '/api/catalog', {
      says: 'Send requests without the header. The authorizer denies them.',
      arrived: { only: deniedByAuthorizer }
    }),
    expect('no-header-denied', 'calls without the header that the authorizer denies', all, deniedByAuthorizer, {
      tolerates
    }),
    load('with-header', '/api/catalog', {
      says: 'Send requests with the header. The authorizer allows them.',
      headers: { 'x-ext-authz': 'allow' }
    }),
    expect('header-gets-catalog', 'calls with the header that return the catalog', all, hasNoImages, { tolerates }),
    load('other-value', '/api/catalog', {
      says: 'Send requests with another value of the header. The authorizer denies them.',
      headers: { 'x-ext-authz': 'please' }
    }),
    expect('other-value-denied', 'calls with another value of the header that the authorizer denies', all,
      deniedByAuthorizer, { tolerates })
  ],
  look: [
    '`kubectl logs deploy/ext-authz -c ext-authz` shows which requests the authorizer has allowed and denied.',
    '`kubectl scale deployment ext-authz --replicas=0`: the sidecar gets no answer from the authorizer, and denies ' +
      'every request.',
    'The book uses an AuthorizationPolicy with `action: CUSTOM`, as in ' +
      '`k8s/istio/ch9/custom-authorization-policy.yaml`. The policy names an authorizer that the mesh\'s own ' +
      'configuration must define under `extensionProviders`. The file shows the lines for it. Exercises do not ' +
      'change the mesh\'s configuration. So here, an EnvoyFilter gives the webapp\'s sidecar the filter that Istio ' +
      'would generate from the policy.'
  ],
  controls: [
    withhold('istio/ch9/ext-authz-envoyfilter.yaml', 'no-header-denied'),
    withhold('istio/ch9/ext-authz.yaml', 'header-gets-catalog'),
    otherHeaders('other-value', { 'x-ext-authz': 'allow' }, 'other-value-denied')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { failed, hasNoImages } from '../calls.ts'
import { callFromOutside, countStatus, denied } from './policies.ts'

export default {
  id: 'ch9.authz',
  title: 'Deny everything, then allow what is needed',
  aim: 'An AuthorizationPolicy allows calls by method, by path, and by the identity of the caller, which mutual TLS ' +
    'proves. Each hop needs its own permission.',
  needs: ['store', 'gateway', 'outside'],
  istio: '1.25',
  steps: [
    apply('istio/ch9/policy-deny-all-mesh.yaml', 'Allow nothing in the namespace.'),
    load('nothing-allowed', '/api/catalog', {
      says: 'Send requests. The webapp\'s sidecar denies them.',
      arrived: { only: denied }
    }),
    expect('all-denied', 'calls that are denied while nothing is allowed', all, denied),
    apply('istio/ch9/allow-unauthenticated-view-default-ns.yaml', 'Let every caller read from the webapp.'),
    load('webapp-allowed', '/api/catalog', {
      says: 'Send requests. They reach the webapp, but its calls to the catalog are denied.',
      arrived: { only: failed }
    }),
    expect('catalog-denies', 'calls that fail while the catalog allows nothing', all, failed),
    apply('istio/ch9/catalog-viewer-policy.yaml', 'Let the webapp read from the catalog.'),
    load('catalog-allowed', '/api/catalog', {
      says: 'Send requests. They succeed now.',
      arrived: { only: hasNoImages }
    }),
    expect('catalog-answers', 'calls that return the catalog', all, hasNoImages),
    load('write', '/api/catalog/items', {
      says: 'Try to add items. The webapp\'s sidecar denies this, because only reading is allowed.',
      method: 'POST',
      body: '{"color":"red","department":"Hats","name":"Bowler","price":"41.00"}'
    }),
    expect('writes-denied', 'calls that try to add an item and are denied', all, denied),
    inspect('others-denied', 'calls to the catalog from outside the mesh that are denied', {
      says: 'Call the catalog from the pod without a sidecar. The catalog\'s sidecar denies this, because the pod ' +
        'has no identity, and only the webapp may read.',
      command: callFromOutside('catalog', '/items'),
      expected: all,
      count: countStatus('403')
    })
  ],
  look: [
    '`kubectl logs deploy/catalog -c istio-proxy`: if the mesh writes an access log, it shows the denied calls ' +
      'with `rbac_access_denied_matched_policy[none]`.',
    '`istioctl x authz check deploy/catalog` shows the policies that the sidecar enforces.',
    '`kubectl exec deploy/catalog -c istio-proxy -- pilot-agent request POST \'logging?rbac=debug\'` makes the ' +
      'sidecar log why it allows or denies each call.',
    'The policy names `serviceAccounts: [webapp]`, which means the ServiceAccount in the policy\'s own namespace. ' +
      'The book writes the full name, `cluster.local/ns/istioinaction/sa/webapp`, under `principals`.'
  ],
  controls: [
    withhold('istio/ch9/policy-deny-all-mesh.yaml', 'all-denied'),
    withhold('istio/ch9/allow-unauthenticated-view-default-ns.yaml', 'catalog-denies'),
    withhold('istio/ch9/catalog-viewer-policy.yaml', 'catalog-answers')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { failed, hasNoImages } from '../calls.ts'
import { denied, fromOutside, withStatus } from './policies.ts'

export default {
  id: 'ch9.authz',
  title: 'Who may do what',
  aim: 'Begin with nothing allowed, and allow what is needed: by method, by path, and by who calls, which mutual TLS has proved. Each hop is judged by itself.',
  needs: ['store', 'gateway', 'outside'],
  istio: '1.25',
  steps: [
    apply('istio/ch9/policy-deny-all-mesh.yaml', 'Allow nothing.'),
    load('nothing-allowed', '/api/catalog', { says: 'The webapp\'s proxy refuses.', arrived: { only: denied } }),
    expect('all-denied', 'calls that are denied while nothing is allowed', all, denied),
    apply('istio/ch9/allow-unauthenticated-view-default-ns.yaml', 'Let everybody read from the webapp.'),
    load('webapp-allowed', '/api/catalog', { says: 'The webapp is reached, but its call to the catalog is refused.', arrived: { only: failed } }),
    expect('catalog-denies', 'calls that fail while the catalog allows nothing', all, failed),
    apply('istio/ch9/catalog-viewer-policy.yaml', 'Let the webapp read from the catalog.'),
    load('catalog-allowed', '/api/catalog', { says: 'Now it works.', arrived: { only: hasNoImages } }),
    expect('catalog-answers', 'calls that get the catalog', all, hasNoImages),
    load('write', '/api/catalog/items', { says: 'Reading is allowed, and nothing else.', method: 'POST', body: '{"color":"red","department":"Hats","name":"Bowler","price":"41.00"}' }),
    expect('writes-denied', 'calls that would write, and are denied', all, denied),
    inspect('others-denied', 'calls of the catalog that do not come from the webapp, and are denied', {
      says: 'Nor may anybody else read from the catalog: ask it from a pod without a proxy, and so without a name.',
      command: fromOutside('catalog', '/items'),
      expected: all,
      count: withStatus('403')
    })
  ],
  look: [
    '`kubectl logs deploy/catalog -c istio-proxy`: the refused calls, where the mesh writes an access log, with `rbac_access_denied_matched_policy[none]`.',
    '`istioctl x authz check deploy/catalog`: what the proxy enforces.',
    '`kubectl exec deploy/catalog -c istio-proxy -- pilot-agent request POST \'logging?rbac=debug\'`, then the proxy\'s log: why each call is allowed or denied.',
    'The policy names `serviceAccounts: [webapp]`, which is the one of the policy\'s own namespace. The book has the whole name, `cluster.local/ns/istioinaction/sa/webapp`, under `principals`.'
  ],
  controls: [
    withhold('istio/ch9/policy-deny-all-mesh.yaml', 'all-denied'),
    withhold('istio/ch9/allow-unauthenticated-view-default-ns.yaml', 'catalog-denies'),
    withhold('istio/ch9/catalog-viewer-policy.yaml', 'catalog-answers')
  ]
} satisfies Exercise

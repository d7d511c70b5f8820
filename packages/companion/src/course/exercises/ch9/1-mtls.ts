import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { fromOutside, withStatus } from './policies.ts'

export default {
  id: 'ch9.mtls',
  title: 'Only with a certificate of the mesh',
  aim: 'Between themselves the proxies use mutual TLS without being told to, but they let others in as well. A PeerAuthentication ends that: for all of a namespace, or but for one service that still has callers outside of the mesh.',
  needs: ['store', 'gateway', 'outside'],
  steps: [
    inspect('outside-answered', 'calls from outside of the mesh that are answered at first', {
      says: 'Ask the webapp from a pod without a proxy: plain HTTP does.',
      command: fromOutside('webapp', '/api/catalog'),
      expected: all,
      count: withStatus('200')
    }),
    apply('istio/ch9/meshwide-strict-peer-authn.yaml', 'Have every proxy of the namespace refuse who has no certificate of the mesh.'),
    inspect('outside-refused', 'calls from outside of the mesh that are refused', {
      says: 'Ask again: the connection is closed.',
      command: fromOutside('webapp', '/api/catalog'),
      expected: all,
      count: withStatus('000')
    }),
    load('within-mesh', '/api/catalog', { says: 'Those who have one notice nothing: the gateway, and the webapp towards the catalog.', arrived: { only: hasNoImages } }),
    expect('within-mesh-answered', 'calls within the mesh that are answered', all, hasNoImages),
    apply('istio/ch9/workload-permissive-peer-authn.yaml', 'Let the webapp, and it alone, take both.'),
    inspect('webapp-answers-again', 'calls of the webapp that are answered again', {
      says: 'Ask the webapp once more.',
      command: fromOutside('webapp', '/api/catalog'),
      expected: all,
      count: withStatus('200')
    }),
    inspect('catalog-still-refuses', 'calls of the catalog that are still refused', {
      says: 'Ask the catalog.',
      command: fromOutside('catalog', '/items'),
      expected: all,
      count: withStatus('000')
    })
  ],
  look: [
    '`istioctl x describe pod WEBAPP` with the name of the webapp\'s Pod: which mode goes for it, and by which PeerAuthentication.',
    '`istioctl proxy-config secret deploy/webapp`: the certificate by which it is known, and the authority by which it knows the others. The name in it is that of its ServiceAccount: `spiffe://cluster.local/ns/istioinaction/sa/webapp`.',
    'The book applies the first one in istio-system, where it goes for the whole mesh. Here others may share that.'
  ],
  controls: [
    withhold('istio/ch9/meshwide-strict-peer-authn.yaml', 'outside-refused'),
    withhold('istio/ch9/workload-permissive-peer-authn.yaml', 'webapp-answers-again')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, inspect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasNoImages } from '../calls.ts'
import { callFromOutside, countStatus } from './policies.ts'

export default {
  id: 'ch9.mtls',
  title: 'Require a certificate of the mesh',
  aim: 'By default, sidecars use mutual TLS among themselves, but they also accept plain HTTP from callers outside ' +
    'of the mesh. A PeerAuthentication ends this for a whole namespace. A second one makes an exception for a ' +
    'service that still has such callers.',
  needs: ['store', 'gateway', 'outside'],
  steps: [
    inspect('outside-answered', 'calls from outside the mesh that succeed at first', {
      says: 'Call the webapp from the pod without a sidecar. The webapp\'s sidecar accepts plain HTTP.',
      command: callFromOutside('webapp', '/api/catalog'),
      expected: all,
      count: countStatus('200')
    }),
    apply('istio/ch9/meshwide-strict-peer-authn.yaml',
      'Make every sidecar of the namespace refuse callers without a certificate of the mesh.'),
    inspect('outside-refused', 'calls from outside the mesh that are refused', {
      says: 'Call the webapp again from the pod without a sidecar. The webapp\'s sidecar closes the connection.',
      command: callFromOutside('webapp', '/api/catalog'),
      expected: all,
      count: countStatus('000')
    }),
    load('within-mesh', '/api/catalog', {
      says: 'Send requests through the gateway. They succeed, because the gateway and the webapp have certificates.',
      arrived: { only: hasNoImages }
    }),
    expect('within-mesh-answered', 'calls within the mesh that succeed', all, hasNoImages),
    apply('istio/ch9/workload-permissive-peer-authn.yaml',
      'Let the webapp, and no other service, accept callers with and without a certificate.'),
    inspect('webapp-answers-again', 'calls from outside the mesh to the webapp that succeed again', {
      says: 'Call the webapp once more from the pod without a sidecar. The webapp\'s sidecar accepts plain HTTP again.',
      command: callFromOutside('webapp', '/api/catalog'),
      expected: all,
      count: countStatus('200')
    }),
    inspect('catalog-still-refuses', 'calls from outside the mesh to the catalog that are still refused', {
      says: 'Call the catalog from the pod without a sidecar. The catalog\'s sidecar still closes the connection.',
      command: callFromOutside('catalog', '/items'),
      expected: all,
      count: countStatus('000')
    })
  ],
  look: [
    '`istioctl x describe pod POD` shows which mode applies to a pod, and which PeerAuthentication sets the mode. ' +
      'Replace POD with the name of the webapp\'s pod.',
    '`istioctl proxy-config secret deploy/webapp` shows the certificate of the webapp\'s sidecar, and the ' +
      'certificate of the authority, with which the sidecar verifies others. The sidecar\'s certificate names the ' +
      'ServiceAccount: `spiffe://cluster.local/ns/istioinaction/sa/webapp`.',
    'The book applies the first PeerAuthentication in istio-system, where it applies to the whole mesh. ' +
      'Here, it applies to one namespace, because others may share the mesh.'
  ],
  controls: [
    withhold('istio/ch9/meshwide-strict-peer-authn.yaml', 'outside-refused'),
    withhold('istio/ch9/workload-permissive-peer-authn.yaml', 'webapp-answers-again')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'
import { defineSubsets } from '../subsets.ts'

export default {
  id: 'ch5.mesh-route',
  title: 'Route by a header inside the mesh',
  aim: 'The webapp forwards the header x-istio-cohort, so the webapp\'s sidecar can choose the version of the ' +
    'catalog by it. Every sidecar can route by a header if the services before it forward the header.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    defineSubsets,
    apply('istio/ch5/catalog-vs-v1-mesh.yaml', 'Route all calls within the mesh to version 1.'),
    load('header-before', '/api/catalog', {
      says: 'Send requests with the header x-istio-cohort: internal. It has no effect yet.',
      headers: { 'x-istio-cohort': 'internal' },
      arrived: { only: hasNoImages }
    }),
    expect('before-route-v1', 'calls with the header that get version 1 before there is a route for it', all,
      hasNoImages),
    apply('istio/ch5/catalog-vs-v2-request-mesh.yaml', 'Route calls with the header to version 2.'),
    load('internal', '/api/catalog', {
      says: 'Send requests with the header. Version 2 answers.',
      headers: { 'x-istio-cohort': 'internal' },
      arrived: { only: hasImages }
    }),
    expect('internal-gets-v2', 'calls with the header that get version 2', all, hasImages),
    load('others', '/api/catalog', { says: 'Send requests without the header. Version 1 answers.' }),
    expect('others-get-v1', 'calls without the header that get version 1', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the webapp\'s sidecar has the match. ' +
      'In a VirtualService, the gateway `mesh` stands for all sidecars.',
    '`kubectl logs deploy/catalog-v2 -c catalog`: since the route was applied, version 2 has received only the ' +
      'calls with the header.'
  ],
  controls: [withhold('istio/ch5/catalog-vs-v2-request-mesh.yaml', 'internal-gets-v2')]
} satisfies Exercise

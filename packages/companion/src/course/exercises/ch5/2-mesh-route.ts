import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasImages, hasNoImages } from '../calls.ts'

export default {
  id: 'ch5.mesh-route',
  title: 'Route deep in the graph',
  aim: 'The header that the gateway let in decides two hops further on which catalog the webapp gets: every proxy can route, if the services hand on what they were sent.',
  needs: ['store', 'gateway', 'v2'],
  steps: [
    apply('istio/ch2/catalog-destinationrule.yaml', 'Give the versions names.'),
    apply('istio/ch5/catalog-vs-v1-mesh.yaml', 'Send all calls within the mesh to version 1.'),
    load('header-before', '/api/catalog', { says: 'The header of internal people does nothing yet.', headers: { 'x-istio-cohort': 'internal' }, arrived: { only: hasNoImages } }),
    expect('before-route-v1', 'answers of version 1', all, hasNoImages),
    apply('istio/ch5/catalog-vs-v2-request-mesh.yaml', 'Send the calls for internal people to version 2.'),
    load('internal', '/api/catalog', { says: 'With the header: version 2.', headers: { 'x-istio-cohort': 'internal' }, arrived: { only: hasImages } }),
    expect('internal-gets-v2', 'answers of version 2 for internal people', all, hasImages),
    load('others', '/api/catalog', { says: 'Without it: version 1.' }),
    expect('others-get-v1', 'answers of version 1 for others', all, hasNoImages)
  ],
  look: [
    '`istioctl proxy-config routes deploy/webapp --name 80 -o yaml`: the gateway `mesh` means every proxy beside a service; the webapp\'s has the match.',
    '`kubectl logs deploy/catalog-v2 -c catalog`: the calls with the header.'
  ],
  controls: [withhold('istio/ch5/catalog-vs-v2-request-mesh.yaml', 'internal-gets-v2')]
} satisfies Exercise

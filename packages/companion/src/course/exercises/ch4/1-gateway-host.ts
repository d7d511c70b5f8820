import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { hasCatalog, routeToWebapp, WEBAPP } from './edge.ts'

const isNotFound = ({ status }: Call) => status === 404

export default {
  id: 'ch4.gateway-host',
  title: 'Accept one host at the gateway',
  aim: 'A Gateway can accept only certain hosts. A request names its host in the header Host. If no Gateway ' +
    'accepts that host, the ingress gateway answers 404.',
  needs: ['store'],
  steps: [
    apply('istio/ch4/coolstore-gw.yaml', `Open port 80 of the ingress gateway for the host ${WEBAPP}.`),
    load('no-route-yet', '/api/catalog', {
      says: 'Send requests for that host. The gateway has no route for it yet, so it answers 404.',
      host: WEBAPP,
      arrived: { only: isNotFound }
    }),
    expect('no-route-is-404', 'calls that get 404 while there is no route', all, isNotFound),
    routeToWebapp,
    load('known-host', '/api/catalog', {
      says: 'Send requests for that host. The webapp answers.',
      host: WEBAPP,
      arrived: { only: hasCatalog }
    }),
    expect('known-host-answers', 'calls for the host that return the catalog', all, hasCatalog),
    load('other-host', '/api/catalog', { says: 'Send requests for another host. The gateway answers 404.' }),
    expect('other-host-is-404', 'calls for another host that get 404', all, isNotFound)
  ],
  look: [
    `\`curl -H 'Host: ${WEBAPP}' localhost:8080/api/catalog\`, and the same without \`-H\`: ` +
      'one address gives two answers.',
    '`istioctl proxy-config routes deploy/istio-ingressgateway -n istio-system` lists a virtual host for each host ' +
      'that has a route. As long as no Gateway has a route, it lists only `blackhole:80`, which answers every ' +
      'request with 404.',
    'No host needs a DNS entry here: the gateway looks only at the header.'
  ],
  controls: [
    withhold('istio/ch4/coolstore-vs.yaml', 'known-host-answers'),
    {
      ...otherFile('istio/ch4/coolstore-gw.yaml', 'istio/ch2/ingress-gateway.yaml', 'other-host-is-404'),
      when: '`k8s/istio/ch2/ingress-gateway.yaml`, which accepts every host, ' +
        'is applied instead of `coolstore-gw.yaml`'
    }
  ]
} satisfies Exercise

import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { hasCatalog, WEBAPP } from './edge.ts'

export default {
  id: 'ch4.gateway-host',
  title: 'One host at the edge',
  aim: 'A Gateway may answer to some hosts only. The request says by its Host header which it wants, and the gateway has nothing for who wants another.',
  needs: ['store'],
  steps: [
    apply('istio/ch4/coolstore-gw.yaml', `Open port 80 of the ingress gateway for ${WEBAPP}.`),
    load('no-route-yet', '/api/catalog', { says: 'Nothing is behind it yet: the host is known, but no route.', host: WEBAPP, arrived: { only: ({ status }) => status === 404 } }),
    expect('no-route-is-404', 'calls that find nothing while there is no route', all, ({ status }) => status === 404),
    apply('istio/ch4/coolstore-vs.yaml', 'Route what comes for that host to the webapp.'),
    load('known-host', '/api/catalog', { says: 'Ask for that host.', host: WEBAPP, arrived: { only: hasCatalog } }),
    expect('known-host-answers', 'calls for the host that get the catalog', all, hasCatalog),
    load('other-host', '/api/catalog', { says: 'Ask without it.' }),
    expect('other-host-is-404', 'calls for another host that find nothing', all, ({ status }) => status === 404)
  ],
  look: [
    `\`curl -H 'Host: ${WEBAPP}' localhost:8080/api/catalog\`, and the same without \`-H\`: one address, and two answers.`,
    '`istioctl proxy-config routes deploy/istio-ingressgateway -n istio-system`: a virtual host for each host that has a route. As long as no Gateway has one, there is `blackhole:80`, which says 404 to all.',
    'Nothing has to be in the DNS for this: it is the header that counts.'
  ],
  controls: [
    withhold('istio/ch4/coolstore-vs.yaml', 'known-host-answers'),
    {
      ...otherFile('istio/ch4/coolstore-gw.yaml', 'istio/ch2/ingress-gateway.yaml', 'other-host-is-404'),
      when: '`k8s/istio/ch2/ingress-gateway.yaml`, which answers to every host, is applied in place of `coolstore-gw.yaml`'
    }
  ]
} satisfies Exercise

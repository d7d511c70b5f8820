import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { ca, credential, hasCatalog, WEBAPP } from './edge.ts'

export default {
  id: 'ch4.redirect',
  title: 'Nobody stays with plain HTTP',
  aim: 'With one line in the Gateway it sends who comes by HTTP to the same address by HTTPS, and the services are not bothered.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP}`, 'Make an authority, and a certificate for the host.'),
    credential('webapp', 'Give it to the gateway.'),
    apply('istio/ch4/coolstore-gw-tls-redirect.yaml', 'Open both ports, and let the one send everybody to the other.'),
    apply('istio/ch4/coolstore-vs.yaml', 'Route to the webapp.'),
    load('by-http', '/api/catalog', { says: 'Ask by HTTP.', host: WEBAPP, arrived: { only: ({ status }) => status === 301 } }),
    expect('http-redirected', 'calls by HTTP that are sent to the same address by HTTPS', all, ({ status, headers }) => status === 301 && /^https:\/\/webapp\.[^/]+\/api\/catalog$/.test(String(headers['location']))),
    load('by-https', '/api/catalog', { says: 'Ask by HTTPS.', host: WEBAPP, tls: { ca }, arrived: { only: hasCatalog } }),
    expect('https-answers', 'calls by HTTPS that get the catalog', all, hasCatalog)
  ],
  look: [
    `\`curl -i -H 'Host: ${WEBAPP}' localhost:8080/api/catalog\`: 301, and where to as \`location\`.`,
    '`kubectl logs deploy/webapp -c webapp`: no line for the redirected. The gateway has answered them by itself.'
  ],
  controls: [
    {
      ...otherFile('istio/ch4/coolstore-gw-tls-redirect.yaml', 'istio/ch4/coolstore-gw-tls.yaml', 'http-redirected'),
      when: '`k8s/istio/ch4/coolstore-gw-tls.yaml`, which has not that line, is applied in place of `coolstore-gw-tls-redirect.yaml`'
    },
    withhold('istio/ch4/coolstore-gw-tls-redirect.yaml', 'https-answers')
  ]
} satisfies Exercise

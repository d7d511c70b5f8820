import { otherFile, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { ca, createTlsSecret, hasCatalog, routeToWebapp, WEBAPP } from './edge.ts'

const isRedirectedToHttps = ({ status, headers }: Call) =>
  status === 301 && /^https:\/\/webapp\.[^/]+\/api\/catalog$/.test(String(headers['location']))

export default {
  id: 'ch4.redirect',
  title: 'Redirect HTTP to HTTPS',
  aim: 'One line in the Gateway makes the ingress gateway redirect HTTP requests to the same address over HTTPS. The ' +
    'redirected requests do not reach the services.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP}`, 'Create a certificate authority, and a certificate for the host.'),
    createTlsSecret('webapp', 'Store the certificate in a Secret for the gateway.'),
    apply('istio/ch4/coolstore-gw-tls-redirect.yaml', 'Open ports 80 and 443, and redirect all requests on port 80.'),
    routeToWebapp,
    load('by-http', '/api/catalog', {
      says: 'Send requests over HTTP. The gateway redirects them.',
      host: WEBAPP,
      arrived: { only: ({ status }) => status === 301 }
    }),
    expect('http-redirected', 'calls over HTTP that are redirected to the same address over HTTPS', all,
      isRedirectedToHttps),
    load('by-https', '/api/catalog', {
      says: 'Send requests over HTTPS. The webapp answers.',
      host: WEBAPP,
      tls: { ca },
      arrived: { only: hasCatalog }
    }),
    expect('https-answers', 'calls over HTTPS that return the catalog', all, hasCatalog)
  ],
  look: [
    `\`curl -i -H 'Host: ${WEBAPP}' localhost:8080/api/catalog\`: status 301, and the new address in \`location\`.`,
    '`kubectl logs deploy/webapp -c webapp`: no line for the redirected requests. The gateway itself answered them.'
  ],
  controls: [
    {
      ...otherFile(
        'istio/ch4/coolstore-gw-tls-redirect.yaml', 'istio/ch4/coolstore-gw-tls.yaml', 'http-redirected'
      ),
      when: '`k8s/istio/ch4/coolstore-gw-tls.yaml`, which does not redirect, ' +
        'is applied instead of `coolstore-gw-tls-redirect.yaml`'
    },
    withhold('istio/ch4/coolstore-gw-tls-redirect.yaml', 'https-answers')
  ]
} satisfies Exercise

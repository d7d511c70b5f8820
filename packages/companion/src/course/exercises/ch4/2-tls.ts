import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { ca, createTlsSecret, hasCatalog, otherWords, routeToWebapp, WEBAPP } from './edge.ts'

export default {
  id: 'ch4.tls',
  title: 'Serve HTTPS at the gateway',
  aim: 'The gateway terminates TLS. It reads its certificate from a Secret, without a restart. Clients can verify ' +
    'the certificate, and the webapp does not change.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP}`, 'Create a certificate authority, and a certificate for the host.'),
    createTlsSecret('webapp', 'Store the certificate in a Secret for the gateway.'),
    apply('istio/ch4/coolstore-gw-tls.yaml', 'Open port 80 for HTTP and port 443 for HTTPS.'),
    routeToWebapp,
    load('by-https', '/api/catalog', {
      says: 'Send requests over HTTPS. The webapp answers. The client trusts only the new authority.',
      host: WEBAPP,
      tls: { ca },
      arrived: { only: hasCatalog }
    }),
    expect('https-answers', 'calls over HTTPS that return the catalog', all, hasCatalog),
    load('by-http', '/api/catalog', {
      says: 'Send requests over plain HTTP. The webapp still answers.',
      host: WEBAPP,
      arrived: { only: hasCatalog }
    }),
    expect('http-answers', 'calls over HTTP that return the catalog', all, hasCatalog)
  ],
  look: [
    '`istioctl proxy-config secret deploy/istio-ingressgateway -n istio-system`: ' +
      'the certificate is listed under the name of the Secret.',
    `\`openssl s_client -connect localhost:8443 -servername ${WEBAPP} </dev/null | ` +
      'openssl x509 -noout -subject -ext subjectAltName`: the certificate that the gateway presents.',
    'Replace the Secret with one that has other certificates: new connections use them, and no pod restarts. ' +
      'Delete the Secret: the gateway continues with the certificate that it has read.'
  ],
  controls: [
    withhold('istio/ch4/coolstore-gw-tls.yaml', 'https-answers'),
    otherWords('the certificate is for another host', WEBAPP, 'forum.istioinaction.io', 'https-answers')
  ]
} satisfies Exercise

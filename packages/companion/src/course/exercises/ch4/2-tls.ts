import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { ca, credential, hasCatalog, otherWords, WEBAPP } from './edge.ts'

export default {
  id: 'ch4.tls',
  title: 'HTTPS at the edge',
  aim: 'The gateway ends TLS with a certificate from a Secret, which it reads while it runs. The webapp knows nothing of it, and who calls can tell whom he speaks to.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP}`, 'Make an authority, and a certificate for the host.'),
    credential('webapp', 'Give it to the gateway.'),
    apply('istio/ch4/coolstore-gw-tls.yaml', 'Open port 443 as well.'),
    apply('istio/ch4/coolstore-vs.yaml', 'Route to the webapp.'),
    load('by-https', '/api/catalog', { says: 'Ask by HTTPS, and believe that authority alone.', host: WEBAPP, tls: { ca }, arrived: { only: hasCatalog } }),
    expect('https-answers', 'calls by HTTPS that get the catalog', all, hasCatalog),
    load('by-http', '/api/catalog', { says: 'Plain HTTP still does.', host: WEBAPP, arrived: { only: hasCatalog } }),
    expect('http-answers', 'calls by HTTP that get it', all, hasCatalog)
  ],
  look: [
    '`istioctl proxy-config secret deploy/istio-ingressgateway -n istio-system`: the certificate is there by the name of the Secret.',
    `\`openssl s_client -connect localhost:8443 -servername ${WEBAPP} </dev/null | openssl x509 -noout -subject -ext subjectAltName\`: what the gateway shows.`,
    'Make the Secret anew with other certificates: new connections get them, and no Pod is restarted. Delete it, and the gateway goes on with what it has read.'
  ],
  controls: [
    withhold('istio/ch4/coolstore-gw-tls.yaml', 'https-answers'),
    otherWords('the certificate is for another host', WEBAPP, 'forum.istioinaction.io', 'https-answers')
  ]
} satisfies Exercise

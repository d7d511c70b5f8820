import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import { answered } from '../calls.ts'
import { ca, CATALOG, credential, hasCatalog, WEBAPP } from './edge.ts'

export default {
  id: 'ch4.multi-tls',
  title: 'Two hosts, two certificates, one port',
  aim: 'The client names the host in its first message (SNI), and the gateway shows the certificate of that host: many can share an address.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP} ${CATALOG}`, 'Make an authority, and a certificate for each host.'),
    credential('webapp', 'Give the gateway the one of the webapp.'),
    credential('catalog', 'And the one of the catalog.'),
    apply('istio/ch4/coolstore-gw-multi-tls.yaml', 'Open port 443 for both hosts, and route the second to the catalog.'),
    apply('istio/ch4/coolstore-vs.yaml', 'Route the first to the webapp.'),
    load('ask-webapp', '/api/catalog', { says: 'Ask the webapp.', host: WEBAPP, tls: { ca }, arrived: { only: hasCatalog } }),
    expect('webapp-certificate-known', 'calls of the webapp that know it by its certificate', all, hasCatalog),
    load('ask-catalog', '/items/1', { says: 'Ask the catalog.', host: CATALOG, tls: { ca }, arrived: { only: answered } }),
    expect('catalog-certificate-known', 'calls of the catalog that know it by its own', all, ({ status, body }) => status === 200 && body.includes('"name": "Elinor Glasses"'))
  ],
  look: [
    `\`openssl s_client -connect localhost:8443 -servername ${CATALOG} </dev/null | openssl x509 -noout -subject\`, and the same for ${WEBAPP}: one port, and two certificates.`,
    '`istioctl proxy-config listeners deploy/istio-ingressgateway -n istio-system --port 8443 -o yaml`: a filter chain for each server name. (Without privileges the gateway listens on 8443 for port 443.)',
    'With `-noservername` no chain fits, and the gateway closes the connection.'
  ],
  controls: [
    {
      when: 'both Secrets have the certificate of the webapp',
      change: step => step.kind === 'run' ? { ...step, command: step.command.map(word => word.replace(`/${CATALOG}`, `/${WEBAPP}`)) } : step,
      fails: 'catalog-certificate-known'
    },
    withhold('istio/ch4/coolstore-vs.yaml', 'webapp-certificate-known')
  ]
} satisfies Exercise

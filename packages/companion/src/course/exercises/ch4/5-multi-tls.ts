import { withhold } from '../../controls.ts'
import type { Control, Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'
import { ca, CATALOG, createTlsSecret, hasCatalog, routeToWebapp, WEBAPP } from './edge.ts'

const hasItem = ({ status, body }: Call) => status === 200 && body.includes('"name": "Elinor Glasses"')

/** Stores the webapp's certificate in the Secret of the catalog too. */
const withOneCertificate: Control = {
  when: 'both Secrets contain the certificate of the webapp',
  change: step => step.kind === 'run'
    ? { ...step, command: step.command.map(word => word.replace(`/${CATALOG}`, `/${WEBAPP}`)) }
    : step,
  fails: 'catalog-certificate-known'
}

export default {
  id: 'ch4.multi-tls',
  title: 'Serve two hosts with two certificates on one port',
  aim: 'A client names the host in its first TLS message (SNI), and the gateway presents the certificate of that ' +
    'host. So many hosts can share one address.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP} ${CATALOG}`,
      'Create a certificate authority, and a certificate for each host.'),
    createTlsSecret('webapp', 'Store the certificate of the webapp in a Secret for the gateway.'),
    createTlsSecret('catalog', 'Store the certificate of the catalog in another Secret.'),
    apply('istio/ch4/coolstore-gw-multi-tls.yaml',
      'Open port 443 for both hosts, and route requests for the catalog\'s host to the catalog.'),
    routeToWebapp,
    load('ask-webapp', '/api/catalog', {
      says: 'Send requests for the webapp\'s host. The client verifies the certificate.',
      host: WEBAPP,
      tls: { ca },
      arrived: { only: hasCatalog }
    }),
    expect('webapp-certificate-known', 'calls to the webapp with the webapp\'s certificate', all, hasCatalog),
    load('ask-catalog', '/items/1', {
      says: 'Send requests for the catalog\'s host. The client verifies the certificate.',
      host: CATALOG,
      tls: { ca },
      arrived: { only: answered }
    }),
    expect('catalog-certificate-known', 'calls to the catalog with the catalog\'s certificate', all, hasItem)
  ],
  look: [
    `\`openssl s_client -connect localhost:8443 -servername ${CATALOG} </dev/null | openssl x509 -noout -subject\`, ` +
      `and the same for ${WEBAPP}: one port presents two certificates.`,
    '`istioctl proxy-config listeners deploy/istio-ingressgateway -n istio-system --port 8443 -o yaml`: the ' +
      'listener has a filter chain for each server name. (A gateway without privileges listens on port 8443 ' +
      'instead of 443.)',
    'With `-noservername` instead of `-servername`, `openssl` names no host: no filter chain matches, and the ' +
      'gateway closes the connection.'
  ],
  controls: [
    withOneCertificate,
    withhold('istio/ch4/coolstore-vs.yaml', 'webapp-certificate-known')
  ]
} satisfies Exercise

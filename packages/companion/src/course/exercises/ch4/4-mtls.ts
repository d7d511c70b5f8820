import type { Control, Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { ca, hasCatalog, otherWords, routeToWebapp, WEBAPP } from './edge.ts'

const SECRET = 'webapp-credential-mtls.istioinaction.io'

/** The content of the Secret: the gateway's certificate with its key, and the authority that signs clients. */
const FILES = [
  `--from-file=tls.crt=FOLDER/${WEBAPP}.crt`,
  `--from-file=tls.key=FOLDER/${WEBAPP}.key`,
  '--from-file=ca.crt=FOLDER/ca.crt'
].join(' ')

/** The gateway closed the connection instead of answering. */
const isRefused = ({ status }: Call) => status === 0

/** Applies the Gateway without client certificates, and gives the Secret the name that this Gateway expects. */
const withoutClientCertificates: Control = {
  when: '`k8s/istio/ch4/coolstore-gw-tls.yaml`, which requires no client certificate, is applied instead of ' +
    '`coolstore-gw-mtls.yaml` and the Secret has the name that the applied file expects',
  change (step) {
    const renamed = (text: string) => text.replace('credential-mtls', 'credential')
    if (step.kind === 'apply') return { ...step, file: step.file.replace('gw-mtls', 'gw-tls') }
    if (step.kind === 'run') return { ...step, command: step.command.map(renamed), makes: step.makes.map(renamed) }
    return step
  },
  fails: 'no-certificate-refused'
}

export default {
  id: 'ch4.mtls',
  title: 'Require client certificates',
  aim: 'With mutual TLS, the gateway also requires a certificate from each client, signed by the authority in the ' +
    'Secret. It refuses all other clients before it reads a request.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP} trainee`,
      'Create a certificate authority, a certificate for the host, and a client certificate.'),
    run('scripts/certificates.sh FOLDER/elsewhere trainee',
      'Create another authority that signs a client certificate with the same name.'),
    run(`kubectl -n GATEWAYS create secret generic ${SECRET} ${FILES}`,
      'Store the certificate of the host in a Secret for the gateway. The Secret also contains the certificate of ' +
        'the first authority, with which the gateway verifies clients.',
      { makes: [`GATEWAYS:secret/${SECRET}`] }),
    apply('istio/ch4/coolstore-gw-mtls.yaml', 'Open port 443 for clients with a certificate.'),
    routeToWebapp,
    load('with-certificate', '/api/catalog', {
      says: 'Send requests with the client certificate. The webapp answers.',
      host: WEBAPP,
      tls: { ca, cert: 'FOLDER/trainee.crt', key: 'FOLDER/trainee.key' },
      arrived: { only: hasCatalog }
    }),
    expect('certificate-answers', 'calls with a client certificate that return the catalog', all, hasCatalog),
    load('without-certificate', '/api/catalog', {
      says: 'Send requests without a client certificate. The gateway refuses them.',
      host: WEBAPP,
      tls: { ca }
    }),
    expect('no-certificate-refused', 'calls without a client certificate that are refused', all, isRefused),
    load('foreign-certificate', '/api/catalog', {
      says: 'Send requests with the certificate of the other authority. The gateway refuses them.',
      host: WEBAPP,
      tls: { ca, cert: 'FOLDER/elsewhere/trainee.crt', key: 'FOLDER/elsewhere/trainee.key' }
    }),
    expect('foreign-certificate-refused', 'calls with a certificate of another authority that are refused', all,
      isRefused)
  ],
  look: [
    `\`openssl s_client -connect localhost:8443 -servername ${WEBAPP} </dev/null\`: ` +
      '"Acceptable client certificate CA names" lists the authority.',
    '`istioctl proxy-config secret deploy/istio-ingressgateway -n istio-system`: two entries have the name of the ' +
      'Secret. One is the gateway\'s certificate. The other, with the suffix `-cacert`, is the certificate of the ' +
      'authority.',
    'With TLS 1.3, the gateway refuses a client after the handshake, with an alert instead of an answer. ' +
      'To the client, this looks like a broken connection.'
  ],
  controls: [
    withoutClientCertificates,
    otherWords('the Secret contains the certificate of the other authority',
      '--from-file=ca.crt=FOLDER/ca.crt', '--from-file=ca.crt=FOLDER/elsewhere/ca.crt', 'certificate-answers')
  ]
} satisfies Exercise

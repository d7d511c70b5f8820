import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { ca, hasCatalog, otherWords, WEBAPP } from './edge.ts'

const SECRET = 'webapp-credential-mtls.istioinaction.io'

/** The connection is closed in place of an answer. */
const refused = ({ status }: Call) => status === 0

export default {
  id: 'ch4.mtls',
  title: 'Both sides prove who they are',
  aim: 'With mutual TLS the gateway also wants a certificate of who calls, signed by an authority that the Secret names, and refuses everybody else before a request is read.',
  needs: ['store'],
  steps: [
    run(`scripts/certificates.sh FOLDER ${WEBAPP} trainee`, 'Make an authority, a certificate for the host, and one for a client.'),
    run('scripts/certificates.sh FOLDER/elsewhere trainee', 'Make a client of the same name whom another authority vouches for.'),
    run(`kubectl -n GATEWAYS create secret generic ${SECRET} --from-file=tls.crt=FOLDER/${WEBAPP}.crt --from-file=tls.key=FOLDER/${WEBAPP}.key --from-file=ca.crt=FOLDER/ca.crt`,
      'Give the gateway its certificate, and that of the authority by which clients are known.', { makes: [`GATEWAYS:secret/${SECRET}`] }),
    apply('istio/ch4/coolstore-gw-mtls.yaml', 'Open port 443 for such clients.'),
    apply('istio/ch4/coolstore-vs.yaml', 'Route to the webapp.'),
    load('with-certificate', '/api/catalog', { says: 'Ask with a certificate.', host: WEBAPP, tls: { ca, cert: 'FOLDER/trainee.crt', key: 'FOLDER/trainee.key' }, arrived: { only: hasCatalog } }),
    expect('certificate-answers', 'calls with a certificate that get the catalog', all, hasCatalog),
    load('without-certificate', '/api/catalog', { says: 'Ask without one.', host: WEBAPP, tls: { ca } }),
    expect('no-certificate-refused', 'calls without a certificate that are refused', all, refused),
    load('foreign-certificate', '/api/catalog', { says: 'Ask with the one that a stranger has signed.', host: WEBAPP, tls: { ca, cert: 'FOLDER/elsewhere/trainee.crt', key: 'FOLDER/elsewhere/trainee.key' } }),
    expect('foreign-certificate-refused', 'calls with a certificate of another authority that are refused', all, refused)
  ],
  look: [
    `\`openssl s_client -connect localhost:8443 -servername ${WEBAPP} </dev/null\`: under "Acceptable client certificate CA names" is the authority.`,
    '`istioctl proxy-config secret deploy/istio-ingressgateway -n istio-system`: two entries by the Secret\'s name, the certificate and, with `-cacert`, the authority.',
    'With TLS 1.3 the refusal comes after the handshake, as an alert in place of the answer. That is why it looks like a connection that breaks.'
  ],
  controls: [
    {
      when: '`k8s/istio/ch4/coolstore-gw-tls.yaml`, which asks for no certificate, is applied in place of `coolstore-gw-mtls.yaml`, with the same Secret under the name that is in it',
      change: step => {
        if (step.kind === 'apply') return { ...step, file: step.file.replace('gw-mtls', 'gw-tls') }
        if (step.kind === 'run') return { ...step, command: step.command.map(word => word.replace('credential-mtls', 'credential')), makes: step.makes.map(key => key.replace('credential-mtls', 'credential')) }
        return step
      },
      fails: 'no-certificate-refused'
    },
    otherWords('the Secret names the other authority', '--from-file=ca.crt=FOLDER/ca.crt', '--from-file=ca.crt=FOLDER/elsewhere/ca.crt', 'certificate-answers')
  ]
} satisfies Exercise

import { withhold } from '../../controls.ts'
import type { Exercise, Run } from '../../exercise.ts'
import { apply, expect, inspect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'

/** The files that a machine needs to join the mesh. */
const FILES = ['cluster.env', 'hosts', 'istio-token', 'mesh.yaml', 'root-cert.pem']

const findAddressOfMachine: Run = {
  kind: 'run',
  id: 'find-address',
  says: 'Find the address of the machine.',
  command: [
    'sh', '-c', 'mkdir -p FOLDER && kubectl -n NAMESPACE get pod vm -o jsonpath={.status.podIP} > FOLDER/address'
  ],
  makes: []
}

const hasUsers = ({ status, body }: Call) => status === 200 && body.includes('"username":"ada.marsh"')

export default {
  id: 'ch13.vm',
  title: 'Move the forum out of the cluster',
  aim: 'A WorkloadEntry adds a machine outside of the cluster to a Service. Callers of the forum do not notice that ' +
    'it has moved. Here, a Pod without a proxy stands for the machine.',
  needs: ['store', 'gateway'],
  steps: [
    run('kubectl scale deployment/forum --replicas=0', 'Remove the forum\'s pods from the cluster.', {
      makes: [':deployment.apps/forum']
    }),
    load('without-forum', '/api/users', {
      says: 'Send requests for the users. They fail, because there is no forum.',
      arrived: { only: ({ status }) => status === 500 }
    }),
    expect('no-forum-fails', 'calls that fail without a forum', all, ({ status, body }) =>
      status === 500 && body === 'error calling Forum service'),
    apply('tools/vm.yaml', 'Start the Pod that stands for the machine. It runs the forum outside of the mesh.'),
    apply('istio/ch13/workloadgroup.yaml', 'Add a WorkloadGroup, which describes the machines that run a forum.'),
    run('istioctl x workload entry configure --name forum -n NAMESPACE --clusterID Kubernetes -o FOLDER/vm',
      'Generate the files that a real machine needs to join the mesh with a proxy of its own.'),
    inspect('files-for-machine', 'generated files for a real machine', {
      says: 'List the files. The machine recognizes the control plane by the root certificate. ' +
        'The control plane recognizes the machine by the token, as the forum\'s ServiceAccount.',
      command: ['ls', 'FOLDER/vm'],
      expected: all,
      count: ({ output }) => ({
        count: FILES.filter(file => output.split('\n').includes(file)).length,
        of: FILES.length
      })
    }),
    findAddressOfMachine,
    apply('istio/ch13/workloadentry.yaml', 'Add a WorkloadEntry, which tells the mesh where the machine is.', {
      values: { '192.0.2.10': 'FOLDER/address' }
    }),
    load('forum-on-machine', '/api/users', {
      says: 'Send requests for the users. They succeed again.',
      arrived: { only: answered }
    }),
    expect('users-answered', 'calls that get the users', all, hasUsers),
    expect('machine-answers', 'answers from the machine', all, ({ pod }) => pod === 'vm'),
    inspect('endpoint-outside', 'forum endpoints outside of the cluster\'s Deployments', {
      says: 'List the forum\'s endpoints in the webapp\'s proxy. There is one, and Kubernetes does not know it.',
      command: [
        'istioctl', 'proxy-config', 'endpoints', 'deploy/webapp', '-n', 'NAMESPACE',
        '--cluster', 'outbound|80||forum.NAMESPACE.svc.cluster.local'
      ],
      expected: all,
      count: ({ output }) => ({
        count: output.split('\n').filter(line => /:8080\b.*\bHEALTHY\b/.test(line)).length,
        of: 1
      })
    })
  ],
  look: [
    '`kubectl get endpointslices -l kubernetes.io/service-name=forum` shows no address. Callers outside of the mesh ' +
      'do not find the forum, because for Kubernetes its Service is empty.',
    'A real machine needs Istio\'s package (`istio-sidecar.deb` or `.rpm`), and a way to istiod through an east-west ' +
      'gateway (`--ingressService`). The files of `istioctl x workload entry configure` belong in these places: ' +
      '`cluster.env` in /var/lib/istio/envoy, `mesh.yaml` in /etc/istio/config, `root-cert.pem` in ' +
      '/var/run/secrets/istio, `istio-token` in /var/run/secrets/tokens, and the line of `hosts` in /etc/hosts. ' +
      '`systemctl start istio` then starts the proxy.',
    'The proxy of a real machine creates the WorkloadEntry from the WorkloadGroup. It takes the machine out of ' +
      'the Service when the probe on /api/healthz fails, and it uses mutual TLS. The mesh calls the machine of this ' +
      'exercise by plain HTTP.',
    'On a machine, the forum runs without a container: ' +
      '`PORT=8080 LOCAL_USERS=true npm start --workspace services/forum`.'
  ],
  controls: [withhold('istio/ch13/workloadentry.yaml', 'users-answered')]
} satisfies Exercise

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
  aim: 'A WorkloadEntry adds a machine outside the cluster to a Service. The forum\'s callers do not notice that it ' +
    'has moved. Here, a pod without a sidecar represents the machine.',
  needs: ['store', 'gateway'],
  steps: [
    run('kubectl scale deployment/forum --replicas=0', 'Remove the forum\'s pods from the cluster.', {
      makes: [':deployment.apps/forum']
    }),
    load('without-forum', '/api/users', {
      says: 'Send requests for the users. They fail, because no forum is running.',
      arrived: { only: ({ status }) => status === 500 }
    }),
    expect('no-forum-fails', 'failed calls without a forum', all, ({ status, body }) =>
      status === 500 && body === 'error calling Forum service'),
    apply('tools/vm.yaml', 'Start the pod that represents the machine. It runs the forum outside the mesh.'),
    apply('istio/ch13/workloadgroup.yaml', 'Add a WorkloadGroup, which describes the machines that run a forum.'),
    run('istioctl x workload entry configure --name forum -n NAMESPACE --clusterID Kubernetes -o FOLDER/vm',
      'Generate the files that a real machine needs to join the mesh with a proxy of its own.'),
    inspect('files-for-machine', 'generated files for a real machine', {
      says: 'List the files. The machine verifies the control plane with the root certificate. The control plane ' +
        'identifies the machine by the token of the forum\'s ServiceAccount.',
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
    expect('users-answered', 'calls that return the users', all, hasUsers),
    expect('machine-answers', 'answers from the machine', all, ({ pod }) => pod === 'vm'),
    inspect('endpoint-outside', 'forum endpoints that the webapp\'s sidecar knows', {
      says: 'List the forum\'s endpoints in the webapp\'s sidecar. There is one, the machine. Kubernetes does not ' +
        'know it.',
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
    '`kubectl get endpointslices -l kubernetes.io/service-name=forum` shows no address: for Kubernetes, the ' +
      'Service is empty. So callers outside the mesh cannot reach the forum.',
    'A real machine needs Istio\'s package (`istio-sidecar.deb` or `.rpm`), and a connection to istiod through an ' +
      'east-west gateway (`--ingressService`). The files of `istioctl x workload entry configure` belong in these ' +
      'places: `cluster.env` in /var/lib/istio/envoy, `mesh.yaml` in /etc/istio/config, `root-cert.pem` in ' +
      '/var/run/secrets/istio, `istio-token` in /var/run/secrets/tokens, and the line of `hosts` in /etc/hosts. ' +
      '`systemctl start istio` then starts the proxy.',
    'The proxy of a real machine creates the WorkloadEntry from the WorkloadGroup, and uses mutual TLS. When the ' +
      'probe on /api/healthz fails, the machine gets no more calls. In this exercise, the mesh calls the machine ' +
      'over plain HTTP.',
    'On a machine, the forum runs without a container: ' +
      '`PORT=8080 LOCAL_USERS=true npm start --workspace services/forum`.'
  ],
  controls: [withhold('istio/ch13/workloadentry.yaml', 'users-answered')]
} satisfies Exercise

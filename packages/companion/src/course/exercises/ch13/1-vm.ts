import { withhold } from '../../controls.ts'
import type { Exercise, Run } from '../../exercise.ts'
import { apply, expect, inspect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { answered } from '../calls.ts'

/** What a machine gets that joins the mesh. */
const FILES = ['cluster.env', 'hosts', 'istio-token', 'mesh.yaml', 'root-cert.pem']

const addressOfVm: Run = {
  kind: 'run',
  id: 'find-address',
  says: 'Find out the address of the machine.',
  command: ['sh', '-c', 'mkdir -p FOLDER && kubectl -n NAMESPACE get pod vm -o jsonpath={.status.podIP} > FOLDER/address'],
  makes: []
}

const hasUsers = ({ status, body }: Call) => status === 200 && body.includes('"username":"ada.marsh"')

export default {
  id: 'ch13.vm',
  title: 'The forum moves out of the cluster',
  aim: 'A WorkloadEntry makes a machine outside of the cluster a member of a Service. Whoever calls the forum does not notice that it has moved. Here a Pod without a proxy plays the machine.',
  needs: ['store', 'gateway'],
  steps: [
    run('kubectl scale deployment/forum --replicas=0', 'Take the forum out of the cluster.', { makes: [':deployment.apps/forum'] }),
    load('without-forum', '/api/users', { says: 'Nobody knows the users any more.', arrived: { only: ({ status }) => status === 500 } }),
    expect('no-forum-fails', 'calls that fail without a forum', all, ({ status, body }) => status === 500 && body === 'error calling Forum service'),
    apply('tools/vm.yaml', 'Start it outside of the mesh.'),
    apply('istio/ch13/workloadgroup.yaml', 'Describe the machines on which a forum runs.'),
    run('istioctl x workload entry configure --name forum -n NAMESPACE --clusterID Kubernetes -o FOLDER/vm', 'Make what a real one needs to join the mesh with a proxy of its own.'),
    inspect('files-for-machine', 'files that a real machine gets', {
      says: 'Among them: the certificate by which it knows the control plane, and the token by which that knows it, as the service account of the forum.',
      command: ['ls', 'FOLDER/vm'],
      expected: all,
      count: ({ output }) => ({ count: FILES.filter(file => output.split('\n').includes(file)).length, of: FILES.length })
    }),
    addressOfVm,
    apply('istio/ch13/workloadentry.yaml', 'Tell the mesh where it is.', { values: { '192.0.2.10': 'FOLDER/address' } }),
    load('forum-on-machine', '/api/users', { says: 'The users are there again.', arrived: { only: answered } }),
    expect('users-answered', 'calls that get the users', all, hasUsers),
    expect('machine-answers', 'answers of the machine', all, ({ pod }) => pod === 'vm'),
    inspect('endpoint-outside', 'endpoints of the forum that are outside of the cluster\'s Deployments', {
      says: 'Look into the proxy of the webapp: the Service has one endpoint, and Kubernetes knows nothing of it.',
      command: ['istioctl', 'proxy-config', 'endpoints', 'deploy/webapp', '-n', 'NAMESPACE', '--cluster', 'outbound|80||forum.NAMESPACE.svc.cluster.local'],
      expected: all,
      count: ({ output }) => ({ count: output.split('\n').filter(line => /:8080\b.*\bHEALTHY\b/.test(line)).length, of: 1 })
    })
  ],
  look: [
    '`kubectl get endpointslices -l kubernetes.io/service-name=forum`: no address. Who is not in the mesh does not find the forum: the Service of Kubernetes is empty.',
    'A real machine has Istio\'s package (`istio-sidecar.deb` or `.rpm`), the files of `istioctl x workload entry configure` in their places (`cluster.env` in /var/lib/istio/envoy, `mesh.yaml` in /etc/istio/config, `root-cert.pem` in /var/run/secrets/istio, `istio-token` in /var/run/secrets/tokens, the line of `hosts` in /etc/hosts), a way to istiod through an east-west gateway (`--ingressService`), and runs `systemctl start istio`.',
    'Its proxy then makes the WorkloadEntry by itself, by the WorkloadGroup, takes it out when the probe on /api/healthz fails, and speaks mTLS. To the machine of this exercise the mesh speaks plain HTTP.',
    'On the machine the forum runs without a container: `PORT=8080 LOCAL_USERS=true npm start --workspace services/forum`.'
  ],
  controls: [withhold('istio/ch13/workloadentry.yaml', 'users-answered')]
} satisfies Exercise

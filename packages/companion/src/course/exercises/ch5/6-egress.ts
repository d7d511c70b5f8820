import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'

const hasUsers = ({ status, body }: Call) => status === 200 && body.includes('"email"')

/** The webapp could not get the users: this is its answer then, with the book's text. A gateway's own error differs. */
const forumFailed = ({ status, body }: Call) => status === 500 && body === 'error calling Forum service'

export default {
  id: 'ch5.egress',
  title: 'Block calls out of the mesh, and allow what is needed',
  aim: 'A Sidecar resource can limit a workload\'s calls to the hosts in the mesh\'s registry. The forum then ' +
    'loses the API from which it gets the users, until a ServiceEntry adds the API to the registry. Here, the API ' +
    'is a pod that is not in the registry, so the exercise needs no internet access.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch5/users-api.yaml', 'Deploy a users API that has no sidecar and is not in the registry.'),
    run(
      'kubectl set env deployment/forum ' +
        'USERS_URL=http://users-api.NAMESPACE.svc.cluster.local/api/users LOCAL_USERS-',
      'Make the forum get the users from this API.',
      { makes: [':deployment.apps/forum'] }
    ),
    load('allowed', '/api/users', {
      says: 'Send requests. By default, every call out of the mesh is allowed.',
      arrived: { only: hasUsers }
    }),
    expect('allowed-gets-users', 'calls that return users while every call is allowed', all, hasUsers),
    apply('istio/ch5/forum-registry-only.yaml', 'Allow the forum to call only hosts in the registry.'),
    load('blocked', '/api/users', {
      says: 'Send requests. The forum can no longer reach the API.',
      arrived: { only: forumFailed }
    }),
    expect('blocked-fails', 'calls that fail while the API is not in the registry', all, forumFailed),
    apply('istio/ch5/forum-serviceentry.yaml', 'Add the API to the registry.'),
    load('allowed-again', '/api/users', {
      says: 'Send requests. The forum reaches the API again.',
      arrived: { only: hasUsers }
    }),
    expect('allowed-again-gets-users', 'calls that return users with the ServiceEntry', all, hasUsers)
  ],
  look: [
    '`istioctl proxy-config clusters deploy/forum`: calls to unknown hosts go to the cluster `BlackHoleCluster`, ' +
      'which refuses them. With the ServiceEntry, the API has its own cluster.',
    '`kubectl logs deploy/forum -c istio-proxy`: if the mesh writes an access log, it shows the blocked calls with ' +
      '502 and `BlackHoleCluster`, and the allowed calls with 200.',
    'The book calls a public API, and sets `outboundTrafficPolicy` for the whole mesh: `istioctl install --set ' +
      'meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY`. Here, a Sidecar resource sets it for one workload.'
  ],
  controls: [
    withhold('istio/ch5/forum-registry-only.yaml', 'blocked-fails'),
    withhold('istio/ch5/forum-serviceentry.yaml', 'allowed-again-gets-users')
  ]
} satisfies Exercise

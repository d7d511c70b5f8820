import { withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'

const hasUsers = ({ status, body }: { status: number, body: string }) => status === 200 && body.includes('"email"')

/** The webapp's answer where the forum has failed, in the book's words; a status of the gateway's own would be another. */
const failed = ({ status, body }: { status: number, body: string }) => status === 500 && body === 'error calling Forum service'

export default {
  id: 'ch5.egress',
  title: 'Block the outside, and allow what is needed',
  aim: 'What is not in the mesh\'s registry is not called: the forum loses its users API, and gets it back by a ServiceEntry that says whom it may call. A pod in the namespace, unknown to the mesh, plays the API, so that this works without the internet.',
  needs: ['store', 'gateway'],
  steps: [
    apply('istio/ch5/users-api.yaml', 'Deploy what plays the users API, without a proxy and outside of the registry.'),
    run('kubectl set env deployment/forum USERS_URL=http://users-api.NAMESPACE.svc.cluster.local/api/users LOCAL_USERS-', 'Have the forum call it.', { makes: [':deployment.apps/forum'] }),
    load('allowed', '/api/users', { says: 'By default every call out is allowed.', arrived: { only: hasUsers } }),
    expect('allowed-gets-users', 'answers with users', all, hasUsers),
    apply('istio/ch5/forum-registry-only.yaml', 'Let the forum call only what the mesh knows.'),
    load('blocked', '/api/users', { says: 'The users are gone.', arrived: { only: failed } }),
    expect('blocked-fails', 'calls that fail', all, failed),
    apply('istio/ch5/forum-serviceentry.yaml', 'Make the API known.'),
    load('allowed-again', '/api/users', { says: 'The users are back.', arrived: { only: hasUsers } }),
    expect('allowed-again-gets-users', 'answers with users again', all, hasUsers)
  ],
  look: [
    '`istioctl proxy-config clusters deploy/forum`: `BlackHoleCluster` takes what nobody knows; after the ServiceEntry the API has a cluster of its own.',
    '`kubectl logs deploy/forum -c istio-proxy`: 502 by `BlackHoleCluster`, then 200.',
    'The book calls a public API and sets `outboundTrafficPolicy` for the whole mesh: `istioctl install --set meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY`. A `Sidecar` does it for one workload.'
  ],
  controls: [
    withhold('istio/ch5/forum-registry-only.yaml', 'blocked-fails'),
    withhold('istio/ch5/forum-serviceentry.yaml', 'allowed-again-gets-users')
  ]
} satisfies Exercise

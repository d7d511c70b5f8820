import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { hasNoImages } from '../calls.ts'
import { denied } from './policies.ts'

/** The header with the token in the file NAME.token. */
const withToken = (name: string) => ({ authorization: `Bearer $(cat FOLDER/${name}.token)` })

/** The sidecar refused the call because it could not verify the token. */
const unauthorized = ({ status, body }: Call) => status === 401 && body.startsWith('Jwt ')

/** The webapp reported that the catalog has added the item. */
const added = ({ status, body }: Call) => status === 200 && body === 'null'

const ITEM = JSON.stringify({ name: 'Trail Boots', price: '84.00' })

export default {
  id: 'ch9.jwt',
  title: 'Identify users by their tokens, and limit what they may do',
  aim: 'A RequestAuthentication verifies the token of a request, but it does not require one. An AuthorizationPolicy ' +
    'requires a token. The claims in the token decide what the user may do.',
  needs: ['store', 'gateway'],
  steps: [
    run('npm run --silent tokens FOLDER',
      'Create a key and three tokens: one for a user, one for an admin, and a stranger\'s token, which is signed ' +
        'with another key.'),
    apply('istio/ch9/enduser/jwt-token-request-authn.yaml', 'Make the webapp\'s sidecar verify tokens with this key.', {
      values: { MODULUS: 'FOLDER/modulus' }
    }),
    load('foreign-token', '/api/catalog', {
      says: 'Send requests with the stranger\'s token. The sidecar cannot verify the token, and refuses the requests.',
      headers: withToken('stranger'),
      arrived: { only: unauthorized }
    }),
    expect('foreign-token-refused', 'calls with the stranger\'s token that get 401', all, unauthorized),
    load('no-token', '/api/catalog', {
      says: 'Send requests without a token. They succeed, because no policy requires a token yet.'
    }),
    expect('no-token-answers', 'calls without a token that succeed while no policy requires one', all, hasNoImages),
    apply('istio/ch9/enduser/allow-all-with-jwt-to-webapp.yaml', 'Allow users with a token of the issuer to read.'),
    load('token-required', '/api/catalog', {
      says: 'Send requests without a token again. They are denied now.',
      arrived: { only: denied }
    }),
    expect('no-token-denied', 'calls without a token that are denied', all, denied),
    load('user-reads', '/api/catalog', {
      says: 'Send requests with the user\'s token. They succeed.',
      headers: withToken('user')
    }),
    expect('user-gets-catalog', 'calls with the user\'s token that return the catalog', all, hasNoImages),
    apply('istio/ch9/enduser/allow-mesh-all-ops-admin.yaml', 'Allow members of the group admin to do everything.'),
    load('admin-writes', '/api/catalog/items', {
      says: 'Add items with the admin\'s token. The webapp\'s sidecar allows this.',
      method: 'POST',
      body: ITEM,
      headers: withToken('admin'),
      arrived: { only: added }
    }),
    expect('admin-adds-item', 'calls with the admin\'s token that add an item', all, added),
    load('user-writes', '/api/catalog/items', {
      says: 'Try to add items with the user\'s token. The webapp\'s sidecar denies this.',
      method: 'POST',
      body: ITEM,
      headers: withToken('user')
    }),
    expect('user-write-denied', 'calls with the user\'s token that try to add an item and are denied', all, denied),
    run('kubectl delete pods -l app=catalog --wait=false',
      'Replace the catalog\'s pod. The new pod has only the book\'s four items, without the added ones.')
  ],
  look: [
    '`cut -d. -f2 /tmp/outfitters/admin.token | base64 -d 2>/dev/null` shows the claims. Anyone can read them. The ' +
      'signature proves that they are genuine.',
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: the filter `envoy.filters.http.jwt_authn` ' +
      'verifies the token. After it, `envoy.filters.http.rbac` allows or denies the request.',
    'The book does this at the gateway, with policies in istio-system. Here, others may share the gateway, so the ' +
      'webapp\'s own sidecar does the same for the webapp.',
    'The webapp forwards `Authorization`, so the catalog could have such policies too.'
  ],
  controls: [
    withhold('istio/ch9/enduser/jwt-token-request-authn.yaml', 'user-gets-catalog'),
    withhold('istio/ch9/enduser/allow-all-with-jwt-to-webapp.yaml', 'no-token-denied'),
    {
      ...otherHeaders('foreign-token', withToken('user'), 'foreign-token-refused'),
      when: 'the requests of the step `foreign-token` have the user\'s token'
    },
    {
      ...otherHeaders('user-writes', withToken('admin'), 'user-write-denied'),
      when: 'the requests of the step `user-writes` have the admin\'s token'
    }
  ]
} satisfies Exercise

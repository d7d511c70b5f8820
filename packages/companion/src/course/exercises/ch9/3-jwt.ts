import { otherHeaders, withhold } from '../../controls.ts'
import type { Exercise } from '../../exercise.ts'
import { apply, expect, load, run } from '../../steps.ts'
import { all } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'
import { hasNoImages } from '../calls.ts'
import { denied } from './policies.ts'

/** The header by which whoever has the token shows it. */
const bearing = (name: string) => ({ authorization: `Bearer $(cat FOLDER/${name}.token)` })

/** A proxy refuses a token that does not verify. */
const unauthorized = ({ status, body }: Call) => status === 401 && body.startsWith('Jwt ')

/** What the webapp says when the catalog has taken an item. */
const added = ({ status, body }: Call) => status === 200 && body === 'null'

const ITEM = JSON.stringify({ name: 'Trail Boots', price: '84.00' })

export default {
  id: 'ch9.jwt',
  title: 'Who the user is, and what he may do',
  aim: 'A RequestAuthentication verifies the token that a request brings. It asks nobody for one: that, and what its claims allow, is for an AuthorizationPolicy to say.',
  needs: ['store', 'gateway'],
  steps: [
    run('npm run --silent tokens FOLDER', 'Make a key, and tokens: of a user, of an admin, and one that a stranger has signed.'),
    apply('istio/ch9/enduser/jwt-token-request-authn.yaml', 'Let the webapp\'s proxy verify tokens by that key.', { values: { MODULUS: 'FOLDER/modulus' } }),
    load('foreign-token', '/api/catalog', { says: 'A token that does not verify is refused.', headers: bearing('stranger'), arrived: { only: unauthorized } }),
    expect('foreign-token-refused', 'calls with a stranger\'s token that are unauthorized', all, unauthorized),
    load('no-token', '/api/catalog', { says: 'None at all is not.' }),
    expect('no-token-answers', 'calls without a token that get the catalog as long as no policy asks for one', all, hasNoImages),
    apply('istio/ch9/enduser/allow-all-with-jwt-to-webapp.yaml', 'Allow reading, to whom the issuer vouches for.'),
    load('token-required', '/api/catalog', { says: 'Now it takes a token.', arrived: { only: denied } }),
    expect('no-token-denied', 'calls without a token that are denied', all, denied),
    load('user-reads', '/api/catalog', { says: 'The user has one.', headers: bearing('user') }),
    expect('user-gets-catalog', 'calls of the user that get the catalog', all, hasNoImages),
    apply('istio/ch9/enduser/allow-mesh-all-ops-admin.yaml', 'Allow everything, to members of the group admin.'),
    load('admin-writes', '/api/catalog/items', { says: 'An admin may write.', method: 'POST', body: ITEM, headers: bearing('admin'), arrived: { only: added } }),
    expect('admin-adds-item', 'calls of the admin that add an item', all, added),
    load('user-writes', '/api/catalog/items', { says: 'A user may not.', method: 'POST', body: ITEM, headers: bearing('user') }),
    expect('user-write-denied', 'the same of the user that are denied', all, denied),
    run('kubectl delete pods -l app=catalog', 'Let the catalog forget what the admin has added: the pod that comes in place of this one has the book\'s four items.')
  ],
  look: [
    '`cut -d. -f2 /tmp/outfitters/admin.token | base64 -d 2>/dev/null`: the claims, for everybody to read. The signature is what counts.',
    '`istioctl proxy-config listeners deploy/webapp --port 15006 -o yaml`: `envoy.filters.http.jwt_authn` verifies, `envoy.filters.http.rbac` after it allows.',
    'The book does this at the gateway, by policies in istio-system. Here others may share it; the webapp\'s own proxy does the same for the webapp.',
    'The webapp hands `Authorization` on, so that the catalog could have such policies too.'
  ],
  controls: [
    withhold('istio/ch9/enduser/jwt-token-request-authn.yaml', 'user-gets-catalog'),
    withhold('istio/ch9/enduser/allow-all-with-jwt-to-webapp.yaml', 'no-token-denied'),
    otherHeaders('foreign-token', bearing('user'), 'foreign-token-refused'),
    otherHeaders('user-writes', bearing('admin'), 'user-write-denied')
  ]
} satisfies Exercise

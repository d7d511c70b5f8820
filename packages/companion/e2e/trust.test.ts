// A call that leaves the mesh, to the users API, carries no credentials and no identity of the caller.
import { expect, test, vi } from 'vitest'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { freshMesh, deployUsersApiThatShowsHeaders } from './mesh.ts'

const mesh = freshMesh({ gateway: false })

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
/** Headers that the forum forwards to an API outside the mesh: those of the trace, and the request id. */
const FORWARDED = {
  'x-request-id': 'trust-1', // no UUID: in a UUID, Envoy encodes why it traces the request
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  tracestate: 'vendor=1',
  'x-b3-traceid': TRACE,
  'x-b3-spanid': '00f067aa0ba902b7',
  'x-b3-sampled': '1'
}
/** Headers that the forum must not forward. Each value has a word that the test finds in any header. */
const INTERNAL = {
  authorization: 'Bearer secret-token',
  cookie: 'session=secret-cookie',
  baggage: 'customer=secret-customer',
  sw8: '1-c2VjcmV0-c3dp-0-d2ViYXBw-d2ViYXBwLTE=-L2FwaQ==-Zm9ydW06ODA=',
  'x-forwarded-client-cert': 'By=spiffe://secret;URI=spiffe://secret-client',
  'x-forwarded-for': '192.0.2.77',
  'x-dark-launch': 'secret-launch',
  'x-loyalty': 'secret-gold'
}
/**
 * The headers that Envoy itself adds to a call, about the attempt and its trace, and not about the caller. With Istio's
 * own filters, proxies also add x-envoy-peer-metadata and its -id, with the workload's name and labels. The annotation
 * in k8s/services/forum.yaml keeps those inside the mesh.
 */
const OF_THE_PROXY = new RegExp('^(x-forwarded-proto|x-b3-parentspanid|' +
  'x-envoy-(attempt-count|expected-rq-timeout-ms|decorator-operation))$')

type Headers = Record<string, string>

/** The headers that the users API got when the webapp's container called the forum; `undefined` if the forum fails. */
async function receivedHeaders (): Promise<Headers | undefined> {
  const [webapp = ''] = await mesh.kubectl.runningPodNames('app=webapp')
  const sent = { ...FORWARDED, ...INTERNAL }
  const headers = Object.entries(sent).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
  const curl = ['curl', '-sS', '--max-time', '10', ...headers, 'http://forum/api/users']
  const { stdout } = await mesh.kubectl.try(['exec', webapp, '--container', 'webapp', '--', ...curl])
  try {
    return (JSON.parse(stdout) as Headers[])[0]
  } catch {
    return undefined
  }
}

/** Sets variables of the forum, makes it call the stand-in, and returns the headers of a call. */
async function headersWith (...env: string[]): Promise<Headers> {
  await mesh.kubectl.run(['set', 'env', 'deployment/forum', 'USERS_URL=http://users-api/users', 'LOCAL_USERS-', ...env])
  await waitForRollout(mesh.kubectl, ['forum'])
  return await vi.waitFor(async () => {
    const headers = await receivedHeaders()
    expect(headers).toMatchObject({ 'x-request-id': FORWARDED['x-request-id'] })
    return headers as Headers
  }, { timeout: 60_000, interval: 500 })
}

test('an API outside the mesh gets the trace, the request id, and the headers of the proxy', async () => {
  await deployUsersApiThatShowsHeaders(mesh.kubectl)
  const headers = await headersWith('USERS_TRUSTED-')
  console.log(`arrived at the users API: ${Object.keys(headers).sort().join(', ')}`)

  expect(JSON.stringify(headers)).not.toMatch(/secret|spiffe|192\.0\.2\.77/)
  const own = ['host', 'connection', 'accept', 'user-agent', ...Object.keys(FORWARDED)]
  expect(Object.keys(headers).filter(name => !own.includes(name) && !OF_THE_PROXY.test(name))).toEqual([])
  expect(headers['traceparent']).toContain(TRACE)
})

test('with USERS_TRUSTED=true, the same call carries the headers of a call inside the mesh', async () => {
  const headers = await headersWith('USERS_TRUSTED=true')
  // Except x-forwarded-client-cert: the forum's proxy removes it from a call without mutual TLS.
  const { cookie: _cookie, 'x-forwarded-client-cert': _certificate, 'x-forwarded-for': _for, ...arrives } = INTERNAL
  expect(headers).toMatchObject(arrives)
  expect(headers).not.toHaveProperty('cookie')
})

// The manifests that correspond to files of the book but belong to no exercise: the API server and Istio accept each of
// them, and those that change what a caller sees do so.
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { course } from '../src/course/registry.ts'
import { NEEDS } from '../src/course/exercise.ts'
import { openGateway, type Endpoint } from '../src/cluster/endpoint.ts'
import { findGateway } from '../src/cluster/gateway.ts'
import { sendRequest, sendLoad } from '../src/judge/load.ts'
import { deploymentsOf, readManifest } from '../src/cluster/manifests.ts'
import { requireFreeHost } from '../src/cluster/preflight.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { freshMesh, images, k8s } from './mesh.ts'

const mesh = freshMesh()
const host = mesh.domain // replaces the book's istioinaction.io
const folder = mkdtempSync(join(tmpdir(), 'book-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command of the project, and fails the test if the command does not end with 0. */
async function requireSuccess (name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command(name, args)
  expect(code, `${name} ${args.join(' ')}: ${stderr}`).toBe(0)
  return stdout
}

const chaos = (...args: string[]) =>
  requireSuccess('scripts/chaos.sh', '--namespace', mesh.kubectl.namespace, ...args)

/** Applies files in their order while `use` runs. */
async function withFiles (files: string[], use: () => Promise<unknown>, values: Record<string, string> = {}) {
  const manifests = await Promise.all(files.map(file => readManifest(mesh.kubectl, file, { host, values, images })))
  try {
    for (const { args, input } of manifests) await mesh.kubectl.run(['apply', ...args], input)
    await waitForRollout(mesh.kubectl, manifests.flatMap(({ objects }) => deploymentsOf(objects)))
    await use()
  } finally {
    for (const { args, input } of manifests) await mesh.kubectl.try(['delete', '--ignore-not-found', ...args], input)
  }
}

/** The status of a request through the ingress gateway for a host of the store. */
const statusOf = async (path: string, service = 'webapp', headers: Record<string, string> = {}) =>
  (await sendRequest({ url: mesh.gateway.origin + path, headers: { host: `${service}.${host}`, ...headers } })).status

/** Waits until a change has arrived everywhere: until the answer is the expected one five times in a row. */
async function waitForAnswer<T> (answer: () => Promise<T>, expected: T): Promise<void> {
  let times = 0
  await expect.poll(async () => {
    const found = await answer()
    times = found === expected ? times + 1 : 0
    return times >= 5 ? expected : found === expected ? 'not yet five times in a row' : found
  }, { timeout: 60_000, interval: 200 }).toBe(expected)
}

/** The status of a call from a Deployment's container, through its proxy. */
const curlIn = async (deployment: string, url: string) => {
  const curl = ['curl', '-s', '--max-time', '10', '-o', '/dev/null', '-w', '%{http_code}', url]
  return (await mesh.kubectl.try(['exec', `deploy/${deployment}`, '-c', deployment, '--', ...curl])).stdout
}

const ofExercises = new Set([
  ...Object.values(NEEDS).map(({ file }) => file),
  ...course.flatMap(({ steps }) => steps.map(step => step.kind === 'apply' ? step.file : undefined))
])
const others = globSync('istio/**/*.yaml', { cwd: k8s('') }).filter(file => !ofExercises.has(file)).sort()

test.concurrent.each(others)('%s passes a dry run', async file => {
  const { namespace, args, input } = await readManifest(mesh.kubectl, file, { host })
  const dryRun = ['apply', '--dry-run=server', '--validate=strict', ...args]
  expect(await mesh.kubectl.in(namespace).try(dryRun, input)).toMatchObject({ code: 0 })
})

describe('behind the hosts of the book', () => {
  const edge = ['webapp-catalog-gw-vs', 'catalog-gateway', 'catalog-dest-rule'].map(name => `istio/ch5/${name}.yaml`)
  const each = async (...verb: string[]) => {
    for (const file of edge) {
      const { args, input } = await readManifest(mesh.kubectl, file, { host })
      await mesh.kubectl.run([...verb, ...args], input)
    }
  }
  beforeAll(() => each('apply'))
  afterAll(() => each('delete', '--ignore-not-found'))

  test('ch5/webapp-catalog-gw-vs: the webapp answers to its host, and nothing answers to another host', async () => {
    await waitForAnswer(() => statusOf('/api/catalog'), 200)
    expect(await statusOf('/api/catalog', 'forum')).toBe(404)
  })

  test('ch5/catalog-vs: the catalog answers to its own host', async () => {
    expect(await statusOf('/items', 'catalog')).toBe(404)
    await withFiles(['istio/ch5/catalog-vs.yaml'], () => waitForAnswer(() => statusOf('/items', 'catalog'), 200))
  })

  test('ch6/catalog-ef-retry-hedge: a call that is slower than perTryTimeout succeeds', async () => {
    const hedge = 'istio/ch6/catalog-ef-retry-hedge.yaml'
    const status = () => statusOf('/api/catalog')
    await chaos('latency', '3000')
    try {
      await withFiles(['istio/ch2/catalog-virtualservice.yaml'], async () => {
        await expect.poll(status, { timeout: 60_000 }).toBe(500)
        await withFiles([hedge], () => expect.poll(status, { timeout: 60_000 }).toBe(200))
      })
    } finally {
      await chaos('delete')
    }
  })

  test('ch9/allow-catalog-requests-in-web-app: the catalog is allowed, and the users are not', async () => {
    await withFiles(['istio/ch9/allow-catalog-requests-in-web-app.yaml'], async () => {
      await waitForAnswer(() => statusOf('/api/users'), 403)
      await waitForAnswer(() => statusOf('/api/catalog/items/1'), 200)
    })
  })

  test('ch9/policy-allow-all-mesh: overrides a policy that allows nothing', async () => {
    await withFiles(['istio/ch9/policy-deny-all-mesh.yaml'], async () => {
      await waitForAnswer(() => statusOf('/api/catalog'), 403)
      const allow = 'istio/ch9/policy-allow-all-mesh.yaml'
      await withFiles([allow], () => waitForAnswer(() => statusOf('/api/catalog'), 200))
    })
  })

  test('ch9/enduser/app-gw-requires-jwt: a request without a token is refused', async () => {
    await requireSuccess('npm', 'run', '--silent', 'tokens', folder)
    const headers = { authorization: `Bearer ${readFileSync(join(folder, 'user.token'), 'utf8').trim()}` }
    const files = ['jwt-token-request-authn', 'app-gw-requires-jwt'].map(name => `istio/ch9/enduser/${name}.yaml`)
    await withFiles(files, async () => {
      await waitForAnswer(() => statusOf('/api/catalog'), 403)
      await waitForAnswer(() => statusOf('/api/catalog', 'webapp', headers), 200)
    }, { MODULUS: join(folder, 'modulus') })
  })

  test('ch12/allow-only-ingress-policy: only the gateway may call the webapp', async () => {
    await withFiles(['istio/ch12/allow-only-ingress-policy.yaml'], async () => {
      await waitForAnswer(() => curlIn('catalog', 'http://webapp/api/catalog'), '403')
      await waitForAnswer(() => statusOf('/api/catalog'), 200)
    })
  })

  test('ch11/sidecar-namespace-wide: a proxy knows only the hosts that a Sidecar lists', async () => {
    await withFiles(['istio/ch11/sidecar-namespace-wide.yaml'], async () => {
      await waitForAnswer(() => statusOf('/api/catalog'), 500)
      await withFiles(['istio/ch11/webapp-sidecar.yaml'], () => waitForAnswer(() => statusOf('/api/catalog'), 200))
    })
  })

  test('ch6/catalog-dr-outlier-locality: 70 of 100 calls stay in the zone of the caller', async () => {
    await withFiles(['services/catalog-v2.yaml', 'istio/ch6/catalog-dr-outlier-locality.yaml'], async () => {
      const zones = { webapp: 'a', catalog: 'a', 'catalog-v2': 'b' }
      for (const [deployment, zone] of Object.entries(zones)) {
        const labels = { 'istio-locality': `us-west1.us-west1-${zone}` }
        const patch = JSON.stringify({ spec: { template: { metadata: { labels } } } })
        await mesh.kubectl.run(['patch', 'deployment', deployment, '--patch', patch])
      }
      await waitForRollout(mesh.kubectl, Object.keys(zones))
      // With 400 independent draws, a share of 0.7 leaves these bounds, and one of 0.5 meets them, with a probability
      // below 0.0001.
      await expect.poll(async () => {
        const url = `${mesh.gateway.origin}/api/catalog`
        const { calls } = await sendLoad({ url, headers: { host: `webapp.${host}` }, rate: 50, until: 400 })
        return calls.filter(({ status, version }) => status === 200 && version === 'v1').length / calls.length
      }, { timeout: 120_000, interval: 1000 }).toSatisfy((share: number) => share > 0.6 && share < 0.8)
    })
  })
})

test('ch6/webapp-gateway-retry and disable-retry: the gateway makes two more attempts, or none', async () => {
  const call = { url: `${mesh.gateway.origin}/api/catalog`, headers: { host } }
  const atRoot = async () => (await sendRequest(call)).status
  const failing = (count: number) =>
    chaos('rule', JSON.stringify({ type: 'abort', status: 503, count }), '--app', 'webapp')
  await withFiles(['istio/ch6/webapp-gateway-retry.yaml'], async () => {
    await waitForAnswer(atRoot, 200)
    await failing(2)
    expect(await atRoot()).toBe(200)
    await failing(3)
    expect(await atRoot()).toBe(503)
  })
  await withFiles(['istio/ch2/ingress-gateway.yaml', 'istio/ch6/disable-retry.yaml'], async () => {
    await waitForAnswer(atRoot, 200)
    await sleep(2000) // a proxy that still retries would hide the failure
    await failing(1)
    expect([await atRoot(), await atRoot()]).toEqual([503, 200])
  })
})

test('ch9/headless: mTLS to a headless Service, and a policy that identifies its callers', async () => {
  const file = (name: string) => `istio/ch9/headless/httpbin-${name}.yaml`
  await withFiles(['istio/ch9/sleep.yaml', file('headless'), file('dr'), file('serviceentry')], async () => {
    const url = 'http://httpbin-headless:3000/items'
    await waitForAnswer(() => curlIn('webapp', url), '200')
    await withFiles([file('viewer-policy')], async () => {
      await waitForAnswer(() => curlIn('webapp', url), '403')
      await waitForAnswer(() => curlIn('sleep', url), '200')
    })
  })
})

test('ch4/my-user-gw-injection: a gateway in the namespace, for a Gateway that chooses it', async () => {
  await withFiles(['istio/ch4/my-user-gw-injection.yaml'], async () => {
    const { objects } = await readManifest(mesh.kubectl, 'istio/ch2/ingress-gateway.yaml')
    const [gateway, route] = objects as [{ spec: { selector: object } }, object]
    gateway.spec.selector = { ingress: 'my-user-gateway-injected' }
    await mesh.kubectl.applyText(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [gateway, route] }))
    const name = 'my-user-gateway-injected'
    const place = { namespace: mesh.kubectl.namespace, service: name, workload: `deployment/${name}` }
    const own = await openGateway(mesh.kubectl, place)
    try {
      await waitForAnswer(async () => (await sendRequest(`${own.origin}/api/catalog`)).status, 200)
    } finally {
      own.close()
      await mesh.kubectl.run(['delete', '--filename', k8s('istio/ch2/ingress-gateway.yaml')])
    }
  })
})

describe('at port 31400 of the gateway', () => {
  let gateway: Endpoint
  const address = () => {
    const { hostname, port } = new URL(gateway.origin)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 31400) }
  }
  beforeAll(async () => {
    const ingress = await findGateway(mesh.kubectl)
    await requireFreeHost(mesh.kubectl, ingress, { port: 31400 })
    gateway = await openGateway(mesh.kubectl, ingress, { port: 31400 })
  })
  afterAll(() => gateway?.close())

  /** The bytes received until they contain a text, for three seconds at most. */
  const converse = (text: string) => new Promise<string>(resolve => {
    let said = ''
    const socket = connect({ ...address(), timeout: 3000 }, () => socket.write(text)).setEncoding('utf8')
    const end = () => {
      socket.destroy()
      resolve(said)
    }
    socket.on('data', data => {
      said += data
      if (said.endsWith(text)) end()
    }).once('timeout', end).once('error', end).once('close', end)
  })

  test('ch4/echo, gateway-tcp and echo-vs: the echo of plain TCP comes back', async () => {
    await withFiles(['istio/ch4/echo.yaml', 'istio/ch4/gateway-tcp.yaml', 'istio/ch4/echo-vs.yaml'], async () => {
      const answer = /^Welcome to tcp-echo-deployment-.*\.\nhello\n$/
      await expect.poll(() => converse('hello\n'), { timeout: 60_000 }).toMatch(answer)
    })
  })

  test('ch4/sni: the host in the first message decides whose certificate the client sees', async () => {
    const services = ['1', '2']
    const hosts = services.map(number => `simple-sni-${number}.${host}`)
    await requireSuccess('scripts/certificates.sh', folder, ...hosts)
    for (const number of services) {
      const file = join(folder, `simple-sni-${number}.${host}`)
      const secret = ['create', 'secret', 'tls', `simple-sni-${number}.istioinaction.io`]
      await mesh.kubectl.run([...secret, `--cert=${file}.crt`, `--key=${file}.key`])
    }
    const ca = readFileSync(join(folder, 'ca.crt'), 'utf8')
    /** A call by TLS. The server must prove its host with a certificate that the gateway does not have. */
    const secure = async (number: string) => {
      const { host: hostname, port } = address()
      const tls = { servername: `simple-sni-${number}.${host}`, ca, cert: undefined, key: undefined }
      const url = `https://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}/`
      const { status, body } = await sendRequest({ url, tls })
      return status === 200 ? (JSON.parse(body) as { body: string }).body : status
    }
    const file = (name: string) => `istio/ch4/sni/${name}.yaml`
    const backends = services.map(number => file(`simple-tls-service-${number}`))
    const routes = services.map(number => file(`passthrough-sni-vs-${number}`))
    await withFiles([...backends, file('passthrough-sni-gateway'), ...routes], async () => {
      await waitForAnswer(() => secure('1'), 'Hello from simple-tls-service-1!')
      expect(await secure('2')).toBe(0)
      await withFiles([file('passthrough-sni-gateway-both')], async () => {
        await waitForAnswer(() => secure('2'), 'Hello from simple-tls-service-2!')
        expect(await secure('1')).toBe('Hello from simple-tls-service-1!')
        expect(await secure('3')).toBe(0)
      })
    })
  })
})

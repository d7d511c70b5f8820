// With each component of k8s/components, the store works in the mesh, and what the component forbids is refused.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { Kubectl, type KubeObject } from '../src/cluster/kubectl.ts'
import { sendRequest, sendLoad } from '../src/judge/load.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { judgeFlow, type End, type Flow, type NetworkPolicy } from '../test/network-policy.ts'
import { applyStore, freshMesh } from './mesh.ts'

const mesh = freshMesh({ components: ['offline'] })
const figures: string[] = []
afterAll(() => console.log(figures.join('\n')))

/** Calls from each kind of caller whose outcomes are counted. */
const CALLS = 20

beforeAll(async () => {
  await mesh.exposeStore()
  for (const path of ['/api/catalog', '/api/users']) {
    const answers = async () => expect((await sendRequest(mesh.call(path))).status).toBe(200)
    await vi.waitFor(answers, { timeout: 60_000, interval: 500 })
  }
})

const applyWith = (...components: string[]) => applyStore(mesh.kubectl, components)

const tallyOf = (outcomes: (string | number)[]) =>
  outcomes.reduce<Record<string, number>>(
    (tally, outcome) => ({ ...tally, [outcome]: (tally[outcome] ?? 0) + 1 }),
    {}
  )

/** Calls through the gateway, counted by status. */
async function throughTheGateway (): Promise<Record<string, number>> {
  const loads = await Promise.all(
    ['/api/catalog', '/api/users'].map(path => sendLoad({ ...mesh.call(path), rate: 20, until: CALLS }))
  )
  return tallyOf(loads.flatMap(({ calls }) => calls).map(({ status }) => status))
}

const SERVICES = ['catalog', 'webapp', 'forum']
const PATH: Record<string, string> = { catalog: '/items', webapp: '/api/catalog', forum: '/api/users' }

/** Calls from a pod without a proxy to a service, counted by status, or by curl's exit code. */
const fromOutside = async (service: string, n = CALLS) => {
  const { code, stdout } = await mesh.curlOutside(
    '--output',
    '/dev/null',
    '--write-out',
    '%{http_code}\\n',
    ...Array<string>(n)
      .fill(`http://${mesh.host(service)}${PATH[service]}`)
      .flatMap((url, index) =>
        index === 0 ? [url] : ['--next', '-sS', '--output', '/dev/null', '--write-out', '%{http_code}\\n', url]
      )
  )
  return tallyOf(
    stdout
      .trim()
      .split('\n')
      .map(status => (status === '000' ? `refused, curl ${code}` : status))
  )
}

/** The status of a call from a pod of the mesh. */
async function fromInside (from: string, url: string, ...args: string[]): Promise<string> {
  const { stdout } = await mesh.kubectl.try([
    'exec',
    `deployment/${from}`,
    '--container',
    from,
    '--',
    'curl',
    '-sS',
    '--max-time',
    '10',
    '--output',
    '/dev/null',
    '--write-out',
    '%{http_code}',
    ...args,
    url
  ])
  return stdout
}

test('without the components, pods in the mesh and outside it reach all services', async () => {
  for (const service of SERVICES) expect(await fromOutside(service, 3), service).toEqual({ 200: 3 })
  expect(await fromInside('forum', 'http://catalog/items')).toBe('200')
})

test('default-deny: the store works, and calls that no policy allows are refused with 403', async () => {
  await applyWith('offline', 'default-deny')
  await vi.waitFor(
    async () => {
      for (const service of SERVICES) expect(await fromOutside(service, 3), service).toEqual({ 403: 3 })
      expect(await throughTheGateway()).toEqual({ 200: 2 * CALLS })
      // Older connections keep their rules until the proxy has drained them: 45 seconds by default.
      for (let i = 0; i < 10; i++) expect(await fromInside('forum', 'http://catalog/items')).toBe('403')
    },
    { timeout: 120_000, interval: 1000 }
  )

  const served = await throughTheGateway()
  expect(served).toEqual({ 200: 2 * CALLS })
  for (const service of SERVICES) {
    const refused = await fromOutside(service)
    figures.push(`default-deny: ${service} from outside the mesh ${JSON.stringify(refused)}`)
    expect(refused, service).toEqual({ 403: CALLS })
  }
  const inside = {
    'forum → catalog': await fromInside('forum', 'http://catalog/items'),
    'forum → webapp': await fromInside('forum', 'http://webapp/api/catalog'),
    'catalog → forum': await fromInside('catalog', 'http://forum/api/users'),
    'webapp → catalog, DELETE': await fromInside('webapp', 'http://catalog/items/1', '--request', 'DELETE'),
    'webapp → catalog, GET': await fromInside('webapp', 'http://catalog/items')
  }
  figures.push(`default-deny: gateway ${JSON.stringify(served)}; ${JSON.stringify(inside)}`)
  expect(inside).toEqual({
    'forum → catalog': '403',
    'forum → webapp': '403',
    'catalog → forum': '403',
    'webapp → catalog, DELETE': '403',
    'webapp → catalog, GET': '200'
  })
})

test('strict-mtls: the store works, metrics and probes too, and plain text is refused before it is read', async () => {
  await mesh.kubectl.run(['delete', 'authorizationpolicies', '--all'])
  await applyWith('offline', 'strict-mtls')
  await vi.waitFor(
    async () => {
      for (const service of SERVICES) {
        expect(await fromOutside(service, 1), service).toEqual({ 'refused, curl 56': 1 })
      }
    },
    { timeout: 90_000, interval: 1000 }
  )

  for (const service of SERVICES) {
    const refused = await fromOutside(service)
    figures.push(`strict-mtls: ${service} from outside the mesh ${JSON.stringify(refused)}`)
    expect(refused, service).toEqual({ 'refused, curl 56': CALLS })
  }
  // Until each proxy has picked up that the policies are gone, calls are refused.
  await vi.waitFor(async () => {
    expect(await fromInside('forum', 'http://catalog/items')).toBe('200')
    expect(await throughTheGateway()).toEqual({ 200: 2 * CALLS })
  }, { timeout: 60_000 })
  const served = await throughTheGateway()
  figures.push(`strict-mtls: gateway ${JSON.stringify(served)}`)
  expect(served).toEqual({ 200: 2 * CALLS })

  for (const service of SERVICES) {
    const [pod] = (await mesh.kubectl.objects(['pods', '--selector', `app=${service}`])) as unknown as {
      status: { podIP: string }
    }[]
    const { stdout } = await mesh.curlOutside(`http://${pod?.status.podIP}:15020/stats/prometheus`)
    expect(stdout, service).toMatch(/^http_server_request_duration_seconds_count/m)
    expect(stdout, service).toMatch(/^envoy_/m)
  }
  await waitForRollout(mesh.kubectl, SERVICES)
})

test('all components together: the store works', async () => {
  const isKnown = (await command('kubectl', ['get', 'crd', 'podmonitors.monitoring.coreos.com'])).code === 0
  const components = [
    'offline',
    'observability',
    'strict-mtls',
    'default-deny',
    'network-policies',
    ...(isKnown ? ['pod-monitors'] : [])
  ]
  await applyWith(...components)
  await mesh.kubectl.run(['rollout', 'restart', 'deployment'])
  await waitForRollout(mesh.kubectl, SERVICES)
  await vi.waitFor(async () => expect(await throughTheGateway()).toEqual({ 200: 2 * CALLS }), { timeout: 60_000 })
  const outcome = { gateway: await throughTheGateway(), outside: await fromOutside('webapp') }
  figures.push(`${components.join(', ')}: ${JSON.stringify(outcome)}`)
  expect(outcome).toEqual({ gateway: { 200: 2 * CALLS }, outside: { 'refused, curl 56': CALLS } })
})

interface Pod extends KubeObject {
  metadata: { name: string; namespace: string; labels: Record<string, string> }
  spec: { hostNetwork?: boolean; containers: { name: string }[] }
  status: { podIP?: string; hostIP?: string }
}
interface Service extends KubeObject {
  metadata: { name: string; namespace: string }
  spec: {
    clusterIPs?: string[]
    selector?: Record<string, string>
    ports: { port: number; targetPort?: number | string }[]
  }
}
interface Socket {
  local: Address
  remote: Address
  isListening: boolean
  /** whether the other side has not answered yet */
  isAsking: boolean
  uid: number
}
interface Address {
  ip: string
  port: number
}

/** ::1 as in /proc/net/tcp6. */
const LOOPBACK_6 = '00000000000000000000000001000000'

/**
 * Sockets, as /proc/net/tcp and tcp6 list them. The pods here have IPv4 addresses, which tcp6 has mapped into IPv6; the
 * only address of IPv6 itself is that of a pod's own loopback.
 */
function socketsIn (table: string): Socket[] {
  const address = (text: string): Address => {
    const [host = '', port = ''] = text.split(':')
    const bytes = host.slice(-8).match(/../g) ?? []
    return {
      ip: host === LOOPBACK_6 ? '::1' : bytes.reverse().map(byte => parseInt(byte, 16)).join('.'),
      port: parseInt(port, 16)
    }
  }
  return Array.from(
    table.matchAll(/^ *\d+: (\S+) (\S+) (\w\w) \S+ \S+ \S+ +(\d+)/gm),
    ([, local = '', remote = '', state, uid]) => ({
      local: address(local),
      remote: address(remote),
      isListening: state === '0A',
      isAsking: state === '02',
      uid: Number(uid)
    })
  )
}

/** The uid of Istio's proxy. It makes a pod's calls, except those to the ports that are excluded. */
const PROXY = 1337
const EXCLUDED = [4317, 4318]
/** iptables redirects connections to these ports of the proxy. Only the caller's side shows the original port. */
const REDIRECTED = [15001, 15006]
/** The ports on which the proxy answers the kubelet's probes. */
const PROBED = [15020, 15021]

test("network-policies: every connection that the store's pods have is one that the policies allow", async () => {
  const cluster = new Kubectl('default')
  const pods = (await cluster.objects(['pods', '--all-namespaces'])) as Pod[]
  const services = (await cluster.objects(['services', '--all-namespaces'])) as Service[]
  const policies = (await mesh.kubectl.objects(['networkpolicies'])) as unknown as NetworkPolicy[]
  expect(policies.length).toBeGreaterThan(5)
  const endOf = (ip: string): End => {
    const pod = pods.find(({ spec, status }) => status.podIP === ip && spec.hostNetwork !== true)
    return pod === undefined ? { address: ip } : pod.metadata
  }
  const nodes = new Set(pods.map(({ status }) => status.hostIP))

  /** Where a call to the address of a Service ends. */
  const destination = ({ ip, port }: Address): { to: End; port: number } => {
    const service = services.find(({ spec }) => spec.clusterIPs?.includes(ip))
    const selector = Object.entries(service?.spec.selector ?? {})
    const pod =
      service &&
      pods.find(
        ({ metadata }) =>
          metadata.namespace === service.metadata.namespace &&
          selector.every(([key, value]) => metadata.labels[key] === value)
      )
    if (pod === undefined) return { to: endOf(ip), port }
    const { targetPort } = service?.spec.ports.find(one => one.port === port) ?? {}
    return { to: pod.metadata, port: typeof targetPort === 'number' ? targetPort : port }
  }

  await throughTheGateway() // so that there are connections
  const isStore = ({ metadata }: Pod) =>
    metadata.namespace === mesh.kubectl.namespace && metadata.labels['app.kubernetes.io/part-of'] === 'outfitters'
  const isGateway = ({ metadata }: Pod) =>
    metadata.labels['istio'] === 'ingressgateway' || metadata.labels['istio'] === 'ingress'
  const seen = new Map<string, Flow>()
  for (const pod of pods.filter(pod => isStore(pod) || isGateway(pod))) {
    const table = await cluster
      .in(pod.metadata.namespace)
      .run(['exec', pod.metadata.name, '--container', 'istio-proxy', '--', 'cat', '/proc/net/tcp', '/proc/net/tcp6'])
    const sockets = socketsIn(table)
    const listening = new Set(sockets.filter(({ isListening }) => isListening).map(({ local }) => local.port))
    for (const { local, remote, isListening, isAsking, uid } of sockets) {
      // At their start, proxies ask for a cloud's metadata. The policies refuse that, and the proxies work without it.
      if (isAsking) continue
      const isLoopback = remote.ip.startsWith('127.') || remote.ip === '::1'
      const isLocal = isLoopback || remote.ip === pod.status.podIP || nodes.has(remote.ip)
      if (isListening || isLocal) continue
      const isIncoming = listening.has(local.port) || REDIRECTED.includes(local.port)
      if (isIncoming && REDIRECTED.includes(local.port)) continue
      if (!isIncoming && isStore(pod) && uid !== PROXY && !EXCLUDED.includes(remote.port)) continue
      const flow = isIncoming
        ? { from: endOf(remote.ip), to: pod.metadata, port: local.port }
        : { from: pod.metadata, ...destination(remote) }
      // The kubelet's probes come from an address of the node.
      if (isIncoming && 'address' in flow.from && PROBED.includes(local.port)) continue
      if (isGateway(pod) && !('labels' in flow.to && flow.to.namespace === mesh.kubectl.namespace)) continue
      const name = (end: End) =>
        'address' in end ? end.address : (end.labels['app'] ?? end.labels['app.kubernetes.io/name'] ?? 'pod')
      seen.set(`${name(flow.from)} → ${name(flow.to)}:${flow.port}`, flow)
    }
  }
  figures.push(`network-policies: connections seen: ${[...seen.keys()].sort().join(', ')}`)
  const refused = [...seen]
    .filter(([, flow]) => !judgeFlow(policies, mesh.kubectl.namespace, flow).isAllowed)
    .map(([name]) => name)
  expect(refused).toEqual([])
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining([
      'webapp → catalog:3000',
      'webapp → forum:8080',
      'istio-ingressgateway → webapp:8080',
      'webapp → istiod:15012'
    ])
  )
})

test('pod-monitors: the metrics that the PodMonitor of a mesh scrapes exist', async () => {
  const [pod] = (await mesh.kubectl.objects(['pods', '--selector', 'app=catalog'])) as unknown as {
    metadata: { annotations: Record<string, string> }
    status: { podIP: string }
    spec: Record<'containers' | 'initContainers', { name: string; ports?: { name: string }[] }[]>
  }[]
  const proxy = [...(pod?.spec.containers ?? []), ...(pod?.spec.initContainers ?? [])].find(
    ({ name }) => name === 'istio-proxy'
  )
  expect(proxy?.ports?.map(({ name }) => name)).toEqual(['http-envoy-prom'])
  const { 'prometheus.io/port': port, 'prometheus.io/path': path } = pod?.metadata.annotations ?? {}
  expect([port, path]).toEqual(['15020', '/stats/prometheus'])
  expect((await mesh.curlOutside(`http://${pod?.status.podIP}:${port}${path}`)).stdout).toMatch(
    /^outfitters_build_info/m
  )
  // Because of this label, the other PodMonitor leaves the pod out.
  expect(Object.keys(pod?.metadata.annotations ?? {})).toContain('sidecar.istio.io/status')
})

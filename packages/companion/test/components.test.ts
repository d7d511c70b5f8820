// The components of the kustomization fit the store: each connection that the store needs is allowed, and no other.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, describe, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { ROOT } from '../src/cluster/command.ts'
import { judgeFlow, type End, type Flow, type NetworkPolicy } from './network-policy.ts'

interface Workload {
  kind: string
  metadata: { name: string; labels: Record<string, string> }
  spec: {
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        containers: { ports: { name: string; containerPort: number }[]; env: { name: string; value?: string }[] }[]
      }
    }
  }
}
interface Service {
  kind: string
  metadata: { name: string }
  spec: { selector: Record<string, string>; ports: { port: number; targetPort: string }[] }
}
interface Provider {
  service: string
  port: number
}

const NAMESPACE = 'shop'
const documentsOf = <T>(...patterns: string[]) =>
  globSync(patterns, { cwd: ROOT })
    .sort()
    .flatMap(path => parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map(document => document.toJS() as T))

const store = documentsOf<Workload & Service>('k8s/services/*.yaml')
const deployments: Workload[] = store.filter(({ kind }) => kind === 'Deployment')
const services: Service[] = store.filter(({ kind }) => kind === 'Service')
const policies = documentsOf<NetworkPolicy & { kind: string }>('k8s/components/network-policies/*.yaml').filter(
  ({ kind }) => kind === 'NetworkPolicy'
)

/** A pod of a Deployment of the store. */
const pod = (name: string): End => ({
  namespace: NAMESPACE,
  labels: deployments.find(({ metadata }) => metadata.name === name)?.spec.template.metadata.labels ?? {}
})
const all = deployments.map(({ metadata }) => metadata.name)

/** The ends of a call to a Service: the pods that the Service selects, and their port. */
function behind (host: string, port: number): { to: End; port: number }[] {
  const service = services.find(({ metadata }) => metadata.name === host) as Service
  const { targetPort } = service.spec.ports.find(one => one.port === port) as { targetPort: string }
  return deployments
    .filter(({ spec }) =>
      Object.entries(service.spec.selector).every(([key, value]) => spec.template.metadata.labels[key] === value)
    )
    .map(({ metadata, spec }) => ({
      to: pod(metadata.name),
      port: spec.template.spec.containers[0]?.ports.find(({ name }) => name === targetPort)?.containerPort as number
    }))
}

/** The calls of a Deployment, from its variables XXX_SERVICE_HOST and XXX_SERVICE_PORT. */
function callsOf (name: string): Flow[] {
  const env = deployments.find(({ metadata }) => metadata.name === name)?.spec.template.spec.containers[0]?.env ?? []
  const valueOf = (wanted: string) => env.find(({ name }) => name === wanted)?.value ?? ''
  return env
    .filter(({ name }) => name.endsWith('_SERVICE_HOST'))
    .flatMap(({ name: variable, value = '' }) =>
      behind(value, Number(valueOf(variable.replace('_HOST', '_PORT')))).map(end => ({ from: pod(name), ...end }))
    )
}

const gateways: End[] = [
  { namespace: 'istio-system', labels: { istio: 'ingressgateway' } },
  { namespace: 'istio-ingress', labels: { istio: 'ingress' } },
  { namespace: NAMESPACE, labels: { 'gateway.networking.k8s.io/gateway-name': 'outfitters-gateway' } }
]
const prometheus: End = { namespace: 'monitoring', labels: { 'app.kubernetes.io/name': 'prometheus' } }
const tools: Record<string, End> = {
  'jaeger-collector.istio-system': { namespace: 'istio-system', labels: { app: 'jaeger' } },
  'opentelemetry-collector.observability': { namespace: 'observability', labels: { app: 'opentelemetry-collector' } }
}

/** The receivers of spans and access logs, from the component observability and from the mesh config of cluster.sh. */
function telemetry (): { to: End; port: number }[] {
  const [tracing] = documentsOf<{ data: { OTEL_EXPORTER_OTLP_ENDPOINT: string } }>(
    'k8s/components/observability/tracing.yaml'
  )
  const [istio] = documentsOf<{
    spec: {
      meshConfig: { extensionProviders: { name: string; envoyOtelAls?: Provider; opentelemetry?: Provider }[] }
    }
  }>('observability/mesh/istio.yaml')
  const own = new URL(tracing?.data.OTEL_EXPORTER_OTLP_ENDPOINT ?? '')
  const proxies =
    istio?.spec.meshConfig.extensionProviders
      .filter(({ name }) => ['otel', 'jaeger'].includes(name))
      .map(({ envoyOtelAls, opentelemetry }) => envoyOtelAls ?? (opentelemetry as Provider)) ?? []
  return [{ service: own.hostname, port: Number(own.port) }, ...proxies].map(({ service, port }) => ({
    to: tools[service.replace('.svc.cluster.local', '')] as End,
    port
  }))
}

const flows: [string, Flow][] = [
  ...gateways.flatMap(from =>
    behind('webapp', 80).map((end): [string, Flow] => ['the gateway calls the webapp', { from, ...end }])
  ),
  ...all.flatMap(name => callsOf(name).map((flow): [string, Flow] => [`${name} calls an upstream`, flow])),
  ['the forum calls the users API', { from: pod('forum'), to: { address: '104.21.59.19' }, port: 80 }],
  [
    'the forum calls the users API over IPv6',
    { from: pod('forum'), to: { address: '2606:4700:3030::6815:3b13' }, port: 80 }
  ],
  ['the forum calls a users API with TLS', { from: pod('forum'), to: { address: '104.21.59.19' }, port: 443 }],
  ...all.flatMap((name): [string, Flow][] => [
    ...(['UDP', 'TCP'] as const).map((protocol): [string, Flow] => [
      `${name} looks up a name`,
      { from: pod(name), to: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, port: 53, protocol }
    ]),
    [
      `${name} gets its configuration`,
      {
        from: pod(name),
        to: { namespace: 'istio-system', labels: { app: 'istiod', 'istio.io/rev': 'canary' } },
        port: 15012
      }
    ],
    ...telemetry().map((end): [string, Flow] => [`${name} sends telemetry`, { from: pod(name), ...end }]),
    [`Prometheus fetches from ${name}`, { from: prometheus, to: pod(name), port: 15020 }],
    [`Prometheus fetches from the proxy of ${name}`, { from: prometheus, to: pod(name), port: 15090 }]
  ])
]

describe('the NetworkPolicies', () => {
  test.each(flows)('allowed: %s', (_, flow) => {
    expect(flow.to).toBeDefined()
    expect(judgeFlow(policies, NAMESPACE, flow)).toMatchObject({ isAllowed: true })
  })

  test('the flows above are those of the store', () => {
    expect(callsOf('webapp').map(({ to, port }) => ['labels' in to && to.labels['app'], port])).toEqual([
      ['catalog', 3000],
      ['catalog', 3000],
      ['forum', 8080]
    ])
    expect(telemetry().map(({ port }) => port)).toEqual([4318, 4317, 4317])
    expect(all).toEqual(['catalog-v2', 'catalog', 'forum', 'webapp'])
  })

  const stranger: End = { namespace: NAMESPACE, labels: { app: 'outside' } }
  test.each<[string, Flow]>([
    ...all.flatMap((name): [string, Flow][] => [
      [
        `another pod of the namespace calls ${name}`,
        { from: stranger, to: pod(name), port: name.startsWith('catalog') ? 3000 : 8080 }
      ],
      [
        `another namespace's webapp calls ${name}`,
        {
          from: { ...pod('webapp'), namespace: 'elsewhere' },
          to: pod(name),
          port: name.startsWith('catalog') ? 3000 : 8080
        }
      ],
      [
        `Prometheus calls ${name} itself`,
        { from: prometheus, to: pod(name), port: name.startsWith('catalog') ? 3000 : 8080 }
      ],
      [`${name} calls the cloud's metadata API`, { from: pod(name), to: { address: '169.254.169.254' }, port: 80 }],
      [`${name} calls a private address`, { from: pod(name), to: { address: '10.1.2.3' }, port: 443 }],
      [`${name} calls the API server`, { from: pod(name), to: { address: '172.18.0.2' }, port: 6443 }]
    ]),
    ['the gateway calls the catalog', { from: gateways[0] as End, to: pod('catalog'), port: 3000 }],
    ['the webapp calls a public address', { from: pod('webapp'), to: { address: '104.21.59.19' }, port: 80 }],
    ['the catalog calls the webapp', { from: pod('catalog'), to: pod('webapp'), port: 8080 }],
    ['the forum calls the catalog', { from: pod('forum'), to: pod('catalog'), port: 3000 }]
  ])('not allowed: %s', (_, flow) => {
    expect(judgeFlow(policies, NAMESPACE, flow).isAllowed).toBe(false)
  })

  test('every port of every rule is needed', () => {
    const used = new Set(
      flows.flatMap(([, flow]) =>
        judgeFlow(policies, NAMESPACE, flow).rules.flatMap(rule =>
          (rule.ports ?? []).filter(
            ({ port, protocol }) => port === flow.port && protocol === (flow.protocol ?? 'TCP')
          )
        )
      )
    )
    const there = policies.flatMap(({ spec }) =>
      [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap(({ ports = [] }) => ports)
    )
    expect(there.filter(port => !used.has(port))).toEqual([])
    expect(there.length).toBeGreaterThan(10)
  })
})

test('each component has a kustomization, and a README whose links lead to existing files', () => {
  const components = globSync('k8s/components/*', { cwd: ROOT })
  expect(components.length).toBeGreaterThanOrEqual(6)
  for (const component of components) {
    const readme = readFileSync(join(ROOT, component, 'README.md'), 'utf8')
    expect(readme).toContain(`components: [../k8s/components/${component.split('/').at(-1)}]`)
    const links = Array.from(readme.matchAll(/\]\((\.\.?\/[^)]+)\)/g), ([, link = '']) => link)
    expect(links.filter(link => globSync(link, { cwd: join(ROOT, component) }).length !== 1)).toEqual([])
    expect(globSync('kustomization.yaml', { cwd: join(ROOT, component) })).toHaveLength(1)
  }
})

test('the ServiceAccounts that default-deny allows exist', () => {
  const allow = documentsOf<{
    metadata: { name: string }
    spec: {
      selector: { matchLabels: Record<string, string> }
      rules: { from?: { source: { serviceAccounts: string[] } }[] }[]
    }
  }>('k8s/components/default-deny/allow.yaml')
  const own = store.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name)
  const named = allow.flatMap(({ spec }) =>
    spec.rules.flatMap(({ from = [] }) => from.flatMap(({ source }) => source.serviceAccounts))
  )
  expect(named.filter(name => !name.includes('/') && name !== 'outfitters-gateway-istio').sort()).toEqual([
    'webapp',
    'webapp'
  ])
  expect(own).toContain('webapp')
  const calledByWebapp = new Set(callsOf('webapp').map(({ to }) => 'labels' in to && to.labels['app']))
  expect(
    new Set(
      allow
        .filter(({ spec }) => JSON.stringify(spec).includes('["webapp"]'))
        .map(({ spec }) => spec.selector.matchLabels['app'])
    )
  ).toEqual(calledByWebapp)
})

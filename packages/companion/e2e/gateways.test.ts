// Exercises in a mesh as Istio's Helm guide installs it: the gateway is istio-ingress in a namespace of its own.
// Istio's own gateway is scaled to 0 meanwhile, so that nothing can go through it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { choose } from '../src/course/registry.ts'
import { findGateway } from '../src/cluster/gateway.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import type { Summary } from '../src/run/reporter.ts'
import { waitForRollout } from '../src/cluster/workloads.ts'
import { exercise as runExercise, freshNamespaces } from './exercises.ts'
import { skipReasonFor } from './mesh.ts'

const NAME = 'istio-ingress'
const ingress = new Kubectl(NAME)
const system = new Kubectl('istio-system')
const { fresh, remove } = freshNamespaces()
const namespace = fresh()
const place = ['--namespace', namespace, '--host', 'gateways.example']
const exercise = (...args: string[]) => runExercise([...args, ...place])

/** How many Pods Istio's own gateway had. */
let replicas: string

/** What `helm install istio-ingress istio/gateway -n istio-ingress` makes, without the autoscaler. */
const labels = { app: NAME, istio: 'ingress' }
const chart = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: NAME },
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'watch', 'list'] }]
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: NAME },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME },
    subjects: [{ kind: 'ServiceAccount', name: NAME }]
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, labels },
    spec: {
      type: 'LoadBalancer',
      selector: labels,
      ports: [['status-port', 15021], ['http2', 80], ['https', 443]]
        .map(([name, port]) => ({ name, port, targetPort: port }))
    }
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: { 'sidecar.istio.io/inject': 'true', ...labels },
          annotations: { 'inject.istio.io/templates': 'gateway' }
        },
        spec: {
          serviceAccountName: NAME,
          securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
          containers: [{
            name: 'istio-proxy',
            image: 'auto',
            imagePullPolicy: 'IfNotPresent', // by default such a tag would be pulled, also where the node has the image
            securityContext: {
              capabilities: { drop: ['ALL'] },
              allowPrivilegeEscalation: false,
              privileged: false,
              readOnlyRootFilesystem: true,
              runAsNonRoot: true
            },
            ports: [{ name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' }],
            resources: { requests: { cpu: '10m', memory: '64Mi' } } // the chart's own are too much for a busy laptop
          }],
          terminationGracePeriodSeconds: 30
        }
      }
    }
  }
]

beforeAll(async () => {
  const { service, workload, ...gateway } = await findGateway(system)
  expect([gateway.namespace, service, workload], 'these tests need a mesh with only the gateway of istioctl install')
    .toEqual(['istio-system', 'istio-ingressgateway', 'deployment/istio-ingressgateway'])
  replicas = String(gateway.replicas)
  await ingress.tryCluster(['create', 'namespace', NAME])
  await ingress.applyText(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: chart }))
  await waitForRollout(ingress, [NAME])
  await system.run(['scale', 'deployment/istio-ingressgateway', '--replicas=0'])
})

afterAll(async () => {
  try {
    await system.run(['scale', 'deployment/istio-ingressgateway', `--replicas=${replicas}`])
    await waitForRollout(system, ['istio-ingressgateway'])
  } finally {
    await ingress.tryCluster(['delete', 'namespace', NAME, '--ignore-not-found'])
    await remove()
  }
})

test('with two gateways, the companion asks which one, and creates no namespace', async () => {
  expect(await exercise('ch2.gateway')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining([
      'There are 2 ingress gateways. Which one should the exercises use?',
      '  --gateway istio-ingress/istio-ingress        deployment/istio-ingress, 1 replica',
      '  --gateway istio-system/istio-ingressgateway  deployment/istio-ingressgateway, 0 replicas'
    ].join('\n'))
  })
  const { stdout } = await ingress.tryCluster(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'name'])
  expect(stdout).toBe('')
})

test('a gateway without Pods is reported', async () => {
  const noPods = 'istio-system/istio-ingressgateway has no Pods: deployment/istio-ingressgateway is scaled to 0.'
  expect(await exercise('ch2.gateway', '--gateway', 'istio-system/istio-ingressgateway'))
    .toMatchObject({ code: 3, stderr: expect.stringContaining(noPods) })
})

test('the exercises pass through the Helm guide\'s gateway, and leave nothing in its namespace', async () => {
  const before = await everything()
  const hasJaeger = (await system.objects(['service', 'tracing'])).length > 0
  if (!hasJaeger) console.log('Jaeger is not in istio-system: the exercises that read traces are left out')
  const traced = hasJaeger ? ['ch2.observe', 'ch8.sampling'] : []
  const ids = choose([...traced, 'ch2.gateway', 'ch4.tls', 'ch4.mtls', 'ch5.edge']).map(({ id }) => id)
  const { stdout } = await exercise(...ids, '--gateway', `${NAME}/${NAME}`, '--json')
  const { results } = JSON.parse(stdout) as Summary
  for (const result of results) {
    const reason = skipReasonFor(result)
    if (reason !== undefined) console.log(`${result.id}: ${reason}`)
  }
  const outcomes = results
    .map(({ id, verdict, checks, error }) => [id, verdict, error ?? checks.filter(({ ok }) => !ok)])
  const passedOrNotJudged = expect.toBeOneOf(['pass', 'unjudged'])
  expect(outcomes).toEqual(ids.map(id => [id, passedOrNotJudged, []]))
  expect(await everything()).toEqual(before)
}, 600_000)

test('the printed command is the one that runs', async () => {
  const { stdout } = await exercise('ch2.gateway', '--gateway', `${NAME}/${NAME}`)
  expect(stdout).toContain('Ingress gateway: Service istio-ingress in namespace istio-ingress')
  const file = 'k8s/istio/ch2/ingress-gateway.yaml'
  expect(stdout).toContain(`s|istio: ingressgateway|istio: ingress|' ${file} | kubectl -n ${namespace} apply -f -`)
})

/** The names of all that exercises could leave in the namespaces of the two gateways. */
async function everything (): Promise<string[]> {
  const objects = await Promise.all([ingress, system].map(kubectl => kubectl.objects(['istio-io,secrets'])))
  return objects.flat().map(({ kind, metadata: { name, namespace } }) => `${namespace} ${kind} ${name}`)
}

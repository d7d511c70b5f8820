import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { KubectlError, type Kubectl, type KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** A way to the ingress gateway from this machine. */
export interface Gateway {
  /** as in http://10.96.3.4 */
  origin: string
  close: () => void
}

interface GatewayService extends KubeObject {
  metadata: KubeObject['metadata'] & { namespace: string }
  spec: { clusterIP: string, selector?: Record<string, string> }
  status: { loadBalancer?: { ingress?: { ip?: string, hostname?: string }[] } }
}

interface Workload extends KubeObject {
  spec: { replicas?: number, template: { metadata?: { labels?: Record<string, string> } } }
}

/** An ingress gateway of the mesh. */
export interface IngressGateway {
  namespace: string
  /** the name of its Service */
  service: string
  /** the Deployment that runs it, or the DaemonSet, as kubectl takes it: `deployment/istio-ingress` */
  workload: string
  /** the labels of its Pods, which the selectors of Gateways match */
  labels: Record<string, string>
  /** the line of a Gateway's selector that selects it: `istio: ingress` */
  selector: string
  /** how many Pods its Deployment asks for; undefined for a DaemonSet */
  replicas: number | undefined
}

/** Where a gateway is. */
type Place = Pick<IngressGateway, 'namespace' | 'service' | 'workload'>

/** Istio's own: the name of its Service and of its Deployment, as the book and `istioctl install` have them. */
export const INGRESS = 'istio-ingressgateway'

/** Labels of a gateway's Service: `istioctl install` sets the first value, Istio's Helm guide the second. */
const LABELS = 'istio in (ingressgateway,ingress)'

/** The namespaces that these two use. Users who cannot list Services everywhere may be able to list them here. */
const USUAL_NAMESPACES = ['istio-system', 'istio-ingress']

/** How to see whether a gateway is running. */
export const isRunning = ({ service, workload, namespace }: Place) =>
  `kubectl -n ${namespace} get ${workload} service/${service}`

/**
 * Finds the mesh's ingress gateway: the one that is named, or the only one with one of the usual labels.
 *
 * @param wanted NAMESPACE/NAME of its Service
 * @throws {Trouble} when there is none, more than one, or when it has no Pods
 */
export async function findGateway (kubectl: Kubectl, wanted?: string): Promise<IngressGateway> {
  const services = wanted === undefined ? await labelled(kubectl) : await named(kubectl, wanted)
  const gateways = await Promise.all(services.map(service => gatewayOf(kubectl, service)))
  const [gateway] = gateways
  if (gateway === undefined) {
    throw new Trouble(
      'There is no ingress gateway: no Service in any namespace has the label istio: ingressgateway or istio: ingress.',
      'Istio is installed already, so do not install it again, but add a gateway to it: ' +
      'helm install istio-ingress gateway --repo https://istio-release.storage.googleapis.com/charts ' +
      '-n istio-ingress --create-namespace ' +
      '(https://istio.io/latest/docs/setup/additional-setup/gateway/). If the mesh has one with ' +
      'another label, name its Service: --gateway NAMESPACE/NAME. To list all Services: kubectl get services -A')
  }
  if (gateways.length > 1) {
    const question = `There are ${gateways.length} ingress gateways. Which one should the exercises use?`
    throw new Trouble(question, choiceText(gateways))
  }
  if (gateway.replicas === 0) {
    const { namespace, service, workload } = gateway
    throw new Trouble(`The ingress gateway ${namespace}/${service} has no Pods: ${workload} is scaled to 0.`,
      `Start it: kubectl -n ${namespace} scale ${workload} --replicas=1. Or name another gateway: --gateway NAMESPACE/NAME`)
  }
  return gateway
}

/** One line for each gateway, with the option to type. */
function choiceText (gateways: IngressGateway[]): string {
  const options = gateways.map(({ namespace, service }) => `--gateway ${namespace}/${service}`)
  const width = Math.max(...options.map(({ length }) => length))
  const pods = (replicas?: number) => replicas === undefined ? '' : `, ${replicas} replica${replicas === 1 ? '' : 's'}`
  const lines = gateways.map(({ workload, replicas }, i) =>
    `  ${options[i]?.padEnd(width)}  ${workload}${pods(replicas)}`)
  return lines.sort().join('\n')
}

async function labelled (kubectl: Kubectl): Promise<GatewayService[]> {
  const everywhere = ['get', 'services', '-A', '-l', LABELS, '-o', 'json']
  const { code, stdout, stderr } = await kubectl.tryCluster(everywhere)
  if (code === 0) return (JSON.parse(stdout) as { items: GatewayService[] }).items
  if (!isForbidden(stderr)) throw new KubectlError(everywhere, { code, stdout, stderr })
  const inUsual = USUAL_NAMESPACES.map(name => kubectl.in(name).objects(['services', '-l', LABELS]).catch(() => []))
  const found = (await Promise.all(inUsual)).flat() as GatewayService[]
  if (found.length === 0) throw notAllowed(stderr.trim())
  return found
}

async function named (kubectl: Kubectl, wanted: string): Promise<GatewayService[]> {
  const [namespace, name] = wanted.split('/') as [string, string]
  const found = await allowed(kubectl.in(namespace).objects(['service', name])) as GatewayService[]
  if (found.length === 0) {
    throw new Trouble(`There is no gateway ${wanted}: namespace ${namespace} has no Service ${name}.`,
      'The Services of gateways usually have a label istio: kubectl get services -A -l istio')
  }
  return found
}

/** @throws {Trouble} when no Deployment or DaemonSet has the Pods that the Service selects */
async function gatewayOf (kubectl: Kubectl, { metadata, spec }: GatewayService): Promise<IngressGateway> {
  const { name, namespace } = metadata
  const { selector = {} } = spec
  const there = kubectl.in(namespace)
  const labelsOf = (workload: Workload) => workload.spec.template.metadata?.labels ?? {}
  const selected = Object.entries(selector)
  const runsIt = (workload: Workload) =>
    selected.length > 0 && selected.every(([label, value]) => labelsOf(workload)[label] === value)
  const workload = (await allowed(there.objects(['deployments'])) as Workload[]).find(runsIt) ??
    (await there.objects(['daemonsets']).catch(() => []) as Workload[]).find(runsIt)
  if (workload === undefined) {
    throw new Trouble(`The ingress gateway ${namespace}/${name} has no Deployment: namespace ${namespace} has none ` +
      `whose Pods its Service selects (${pairs(selector).join(', ')}).`,
      `Look at their labels: kubectl -n ${namespace} get deployments,daemonsets --show-labels. ` +
      'Or name another gateway: --gateway NAMESPACE/NAME')
  }
  return {
    namespace,
    service: name,
    workload: `${workload.kind.toLowerCase()}/${workload.metadata.name}`,
    labels: labelsOf(workload),
    selector: pairs(selector).find(pair => pair.startsWith('istio: ')) ?? pairs(selector)[0] as string,
    replicas: workload.kind === 'Deployment' ? workload.spec.replicas ?? 1 : undefined
  }
}

const pairs = (labels: Record<string, string>) => Object.entries(labels).map(([label, value]) => `${label}: ${value}`)

const isForbidden = (said: string) => said.includes('(Forbidden)')

/** Turns a refusal by the API server into trouble that says what to do. */
async function allowed<T> (looking: Promise<T>): Promise<T> {
  return await looking.catch((error: Error) => { throw isForbidden(error.message) ? notAllowed(error.message) : error })
}

function notAllowed (said: string): Trouble {
  return new Trouble(`You are not allowed to look at the ingress gateway: ${said.split('\n')[0]}`,
    'If you know its Service, name it: --gateway NAMESPACE/NAME. ' +
    'An administrator of the cluster can grant you the other permissions in the gateway\'s namespace: ' +
    'kubectl create clusterrole gateway-user --verb=get,list,create ' +
    '--resource=services,pods,pods/exec,pods/portforward,deployments.apps, ' +
    'then kubectl -n NAMESPACE create rolebinding gateway-user --clusterrole=gateway-user --user=YOU')
}

/** A shell runs its arguments until its stdin ends, as it does when we do, even by SIGKILL. */
const WITH_US = 'exec 3<&0; "$@" & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child'

/** The gateway answers here in any case; port 80 is closed until a Gateway asks for it. */
export const STATUS_PORT = 15021

/**
 * Opens a way to a gateway: at the address of its load balancer, at its cluster address where this machine is the node,
 * and otherwise through a port-forward, which ends with `close`.
 *
 * @throws {Trouble} when its Service no longer exists, or there is no way to it
 */
export async function openGateway (kubectl: Kubectl, place: Place, { port = 80 } = {}): Promise<Gateway> {
  const { namespace, service: name } = place
  const scheme = port === 443 ? 'https' : 'http'
  const [service] = await allowed(kubectl.in(namespace).objects(['service', name])) as GatewayService[]
  if (service === undefined) {
    throw new Trouble(`There is no gateway: namespace ${namespace} has no Service ${name}.`,
      `What does its Gateway say? kubectl -n ${namespace} describe gateways.gateway.networking.k8s.io`)
  }
  const { spec, status } = service
  const hosts = [...status.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname) ?? [], spec.clusterIP]
  for (const host of hosts) {
    if (host !== undefined && await answers(host, STATUS_PORT)) return { origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}${[80, 443].includes(port) ? '' : `:${port}`}`, close: () => {} }
  }
  kubectl.announce(`kubectl -n ${namespace} port-forward --address 127.0.0.1 service/${name} :${port}`, 'upkeep')
  return await forward(namespace, `service/${name}`, port).then(gateway => ({ ...gateway, origin: gateway.origin.replace('http', scheme) })).catch((error: Error) => {
    throw new Trouble(`There is no way to the ingress gateway: ${error.message}`, `Is it running? ${isRunning(place)}`)
  })
}

/**
 * A port-forward to a pod or Service, on a free port of 127.0.0.1. kubectl gives up when the other side refuses one connection,
 * as a gateway without routes does; it is started again then, on the same port.
 */
export async function forward (namespace: string, target: string, port: number): Promise<Gateway> {
  let child: ChildProcess
  let closed = false

  const start = (local: number | '') => new Promise<number>((resolve, reject) => {
    const kubectl = ['kubectl', '--namespace', namespace, 'port-forward', '--address', '127.0.0.1', target, `${local}:${port}`]
    child = spawn('sh', ['-c', WITH_US, 'sh', ...kubectl], { stdio: 'pipe' })
    let said = ''
    let listening: number | undefined
    child.stderr?.on('data', data => { said += data })
    createInterface(child.stdout as Readable).on('line', line => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(listening = Number(found))
    })
    child.once('error', reject)
    child.once('exit', () => {
      if (listening === undefined) reject(new Error(`kubectl port-forward to ${target} failed: ${said.trim()}`))
      else if (!closed) start(listening).catch(() => {}) // whoever uses it will see that nobody answers
    })
  })

  const local = await start('')
  return {
    origin: `http://127.0.0.1:${local}`,
    close: () => {
      closed = true
      child.stdin?.end()
    }
  }
}

function answers (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false))
  })
}

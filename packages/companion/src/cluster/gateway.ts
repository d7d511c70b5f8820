import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { KubectlError, type Kubectl, type KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** An origin that this machine can reach. */
export interface Endpoint {
  /** the scheme, the host and, if it is not the usual one, the port: `http://10.96.3.4` */
  origin: string
  /** ends the port-forward behind the origin, if there is one */
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
  /** the Deployment or DaemonSet that runs it, in kubectl's form: `deployment/istio-ingress` */
  workload: string
  /** the labels of its Pods, which the selectors of Gateways match */
  labels: Record<string, string>
  /** the line that selects it in the selector of a Gateway: `istio: ingress` */
  selector: string
  /** the number of Pods that its Deployment asks for; undefined for a DaemonSet */
  replicas: number | undefined
}

/** The objects of a gateway, and their namespace. */
type GatewayObjects = Pick<IngressGateway, 'namespace' | 'service' | 'workload'>

/** The name of the Service and of the Deployment of the book's gateway, which `istioctl install` creates. */
export const INGRESS = 'istio-ingressgateway'

/** Labels of a gateway's Service: `istioctl install` sets the first value, Istio's Helm guide the second. */
const GATEWAY_LABELS = 'istio in (ingressgateway,ingress)'

/** The namespaces of these two. Users who cannot list Services everywhere may be able to list them here. */
const USUAL_NAMESPACES = ['istio-system', 'istio-ingress']

/** The command that shows whether a gateway is running. */
export const statusCommand = ({ service, workload, namespace }: GatewayObjects) =>
  `kubectl -n ${namespace} get ${workload} service/${service}`

/**
 * Finds the mesh's ingress gateway: the one whose Service is named, or the only one with one of the usual labels.
 *
 * @param wanted NAMESPACE/NAME of the Service
 * @throws {Trouble} when there is no gateway or more than one, when it has no Pods, or when the user may not see it
 */
export async function findGateway (kubectl: Kubectl, wanted?: string): Promise<IngressGateway> {
  const services = wanted === undefined ? await labeledServices(kubectl) : [await namedService(kubectl, wanted)]
  const gateways = await Promise.all(services.map(service => gatewayOf(kubectl, service)))
  const [gateway] = gateways
  if (gateway === undefined) {
    throw new Trouble(
      'There is no ingress gateway: no Service in any namespace has the label istio: ingressgateway or istio: ingress.',
      'Istio is installed already, so do not install it again, but add a gateway to it: ' +
      'helm install istio-ingress gateway --repo https://istio-release.storage.googleapis.com/charts ' +
      '-n istio-ingress --create-namespace ' +
      '(https://istio.io/latest/docs/setup/additional-setup/gateway/). ' +
      'If the mesh has a gateway with another label, name its Service: --gateway NAMESPACE/NAME. ' +
      'To list all Services: kubectl get services -A')
  }
  if (gateways.length > 1) {
    const question = `There are ${gateways.length} ingress gateways. Which one should the exercises use?`
    throw new Trouble(question, choiceText(gateways))
  }
  if (gateway.replicas === 0) {
    const { namespace, service, workload } = gateway
    throw new Trouble(`The ingress gateway ${namespace}/${service} has no Pods: ${workload} is scaled to 0.`,
      `Start it: kubectl -n ${namespace} scale ${workload} --replicas=1. ` +
      'Or name another gateway: --gateway NAMESPACE/NAME')
  }
  return gateway
}

/** One line for each gateway, with the option that chooses it. */
function choiceText (gateways: IngressGateway[]): string {
  const options = gateways.map(({ namespace, service }) => `--gateway ${namespace}/${service}`)
  const width = Math.max(...options.map(({ length }) => length))
  const pods = (replicas?: number) => replicas === undefined ? '' : `, ${replicas} replica${replicas === 1 ? '' : 's'}`
  const lines = gateways.map(({ workload, replicas }, i) =>
    `  ${options[i]?.padEnd(width)}  ${workload}${pods(replicas)}`)
  return lines.sort().join('\n')
}

async function labeledServices (kubectl: Kubectl): Promise<GatewayService[]> {
  const everywhere = ['get', 'services', '-A', '-l', GATEWAY_LABELS, '-o', 'json']
  const { code, stdout, stderr } = await kubectl.tryCluster(everywhere)
  if (code === 0) return (JSON.parse(stdout) as { items: GatewayService[] }).items
  if (!isForbidden(stderr)) throw new KubectlError(everywhere, { code, stdout, stderr })
  const inNamespaces = USUAL_NAMESPACES.map(name =>
    kubectl.in(name).objects(['services', '-l', GATEWAY_LABELS]).catch(() => []))
  const found = (await Promise.all(inNamespaces)).flat() as GatewayService[]
  if (found.length === 0) throw forbiddenTrouble(stderr.trim())
  return found
}

async function namedService (kubectl: Kubectl, wanted: string): Promise<GatewayService> {
  const [namespace, name] = wanted.split('/') as [string, string]
  const [service] = await getObjects(kubectl.in(namespace), ['service', name]) as GatewayService[]
  if (service !== undefined) return service
  throw new Trouble(`There is no gateway ${wanted}: namespace ${namespace} has no Service ${name}.`,
    'The Services of gateways usually have a label istio: kubectl get services -A -l istio')
}

/** @throws {Trouble} when no Deployment or DaemonSet has the Pods that the Service selects */
async function gatewayOf (kubectl: Kubectl, { metadata, spec }: GatewayService): Promise<IngressGateway> {
  const { name, namespace } = metadata
  const { selector = {} } = spec
  const selectorLines = linesOf(selector)
  const labelsOf = (workload: Workload) => workload.spec.template.metadata?.labels ?? {}
  const isSelected = (workload: Workload) =>
    selectorLines.length > 0 && selectorLines.every(line => linesOf(labelsOf(workload)).includes(line))
  const inNamespace = kubectl.in(namespace)
  const workload = (await getObjects(inNamespace, ['deployments']) as Workload[]).find(isSelected) ??
    (await inNamespace.objects(['daemonsets']).catch(() => []) as Workload[]).find(isSelected)
  if (workload === undefined) {
    throw new Trouble(`The ingress gateway ${namespace}/${name} has no Deployment: namespace ${namespace} has none ` +
      `whose Pods its Service selects (${selectorLines.join(', ')}).`,
      `To see the labels of the Pods: kubectl -n ${namespace} get pods --show-labels. ` +
      'Or name another gateway: --gateway NAMESPACE/NAME')
  }
  return {
    namespace,
    service: name,
    workload: `${workload.kind.toLowerCase()}/${workload.metadata.name}`,
    labels: labelsOf(workload),
    selector: selectorLines.find(line => line.startsWith('istio: ')) ?? selectorLines[0] as string,
    replicas: workload.kind === 'Deployment' ? workload.spec.replicas ?? 1 : undefined
  }
}

/** Labels as the lines of a manifest, such as `istio: ingress`. */
const linesOf = (labels: Record<string, string>) => Object.entries(labels).map(([label, value]) => `${label}: ${value}`)

const isForbidden = (message: string) => message.includes('(Forbidden)')

/**
 * The objects that a `kubectl get` finds.
 *
 * @throws {Trouble} when the user may not read them
 */
async function getObjects (kubectl: Kubectl, args: string[]): Promise<KubeObject[]> {
  try {
    return await kubectl.objects(args)
  } catch (error) {
    const { message } = error as Error
    throw isForbidden(message) ? forbiddenTrouble(message) : error
  }
}

function forbiddenTrouble (message: string): Trouble {
  return new Trouble(`You are not allowed to look at the ingress gateway: ${message.split('\n')[0]}`,
    'If you know its Service, name it: --gateway NAMESPACE/NAME. ' +
    'An administrator of the cluster can grant you the other permissions in the gateway\'s namespace: ' +
    'kubectl create clusterrole gateway-user --verb=get,list,create ' +
    '--resource=services,pods,pods/exec,pods/portforward,deployments.apps, ' +
    'then kubectl -n NAMESPACE create rolebinding gateway-user --clusterrole=gateway-user --user=YOU')
}

/**
 * A gateway answers on this port even if no Gateway has been applied. Its port 80 is closed until a Gateway needs it.
 */
export const STATUS_PORT = 15021

/**
 * Opens an endpoint for a gateway. It uses the address of the load balancer if this machine can reach it, then the
 * cluster address, which only works on the node itself, and otherwise a port-forward.
 *
 * @throws {Trouble} when the gateway's Service does not exist, or the gateway cannot be reached
 */
export async function openGateway (kubectl: Kubectl, gateway: GatewayObjects, { port = 80 } = {}): Promise<Endpoint> {
  const { namespace, service: name } = gateway
  const scheme = port === 443 ? 'https' : 'http'
  const [service] = await getObjects(kubectl.in(namespace), ['service', name]) as GatewayService[]
  if (service === undefined) {
    throw new Trouble(`There is no gateway: namespace ${namespace} has no Service ${name}.`,
      `What does its Gateway say? kubectl -n ${namespace} describe gateways.gateway.networking.k8s.io`)
  }
  for (const host of addressesOf(service)) {
    if (!await isListening(host, STATUS_PORT)) continue
    const portSuffix = port === 80 || port === 443 ? '' : `:${port}`
    return { origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}${portSuffix}`, close: () => {} }
  }
  kubectl.announce(`kubectl -n ${namespace} port-forward --address 127.0.0.1 service/${name} :${port}`, 'upkeep')
  try {
    const { origin, close } = await startPortForward(namespace, `service/${name}`, port)
    return { origin: origin.replace('http', scheme), close }
  } catch (error) {
    throw new Trouble(`There is no way to the ingress gateway: ${(error as Error).message}`,
      `Is it running? ${statusCommand(gateway)}`)
  }
}

/** The addresses of a Service, those of its load balancer first. */
function addressesOf ({ spec, status }: GatewayService): string[] {
  const external = status.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname) ?? []
  return [...external, spec.clusterIP].filter(host => host !== undefined)
}

/**
 * A shell script that runs its arguments as a command and ends the command when the script's stdin is closed. The
 * system closes it when the companion ends, even after SIGKILL, so no port-forward outlives the companion.
 */
const UNTIL_STDIN_CLOSES = 'exec 3<&0; "$@" & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child'

/**
 * Starts a port-forward from a free port of 127.0.0.1 to a Pod or Service. kubectl ends a port-forward when the other
 * side refuses a connection, as a gateway without routes does. Then it is started again, on the same port.
 *
 * @param target in kubectl's form: `pod/NAME` or `service/NAME`
 * @throws {Error} when kubectl cannot start it
 */
export async function startPortForward (namespace: string, target: string, port: number): Promise<Endpoint> {
  let child: ChildProcess
  let isClosed = false

  const start = (local: number | '') => new Promise<number>((resolve, reject) => {
    const options = ['--namespace', namespace, '--address', '127.0.0.1']
    const kubectl = ['kubectl', 'port-forward', ...options, target, `${local}:${port}`]
    child = spawn('sh', ['-c', UNTIL_STDIN_CLOSES, 'sh', ...kubectl], { stdio: 'pipe' })
    let stderr = ''
    let listening: number | undefined
    child.stderr?.on('data', data => { stderr += data })
    createInterface(child.stdout as Readable).on('line', line => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(listening = Number(found))
    })
    child.once('error', reject)
    child.once('exit', () => {
      if (listening === undefined) reject(new Error(`kubectl port-forward to ${target} failed: ${stderr.trim()}`))
      else if (!isClosed) start(listening).catch(() => {}) // if this fails, the next request has no answer
    })
  })

  const local = await start('')
  return {
    origin: `http://127.0.0.1:${local}`,
    close: () => {
      isClosed = true
      child.stdin?.end()
    }
  }
}

/** Whether a port accepts connections within a second. */
function isListening (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false))
  })
}

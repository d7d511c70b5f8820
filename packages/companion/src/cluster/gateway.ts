import { KubectlError, type Kubectl, type KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** The Service of a gateway. */
export interface GatewayService extends KubeObject {
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
export type GatewayObjects = Pick<IngressGateway, 'namespace' | 'service' | 'workload'>

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
export async function getObjects (kubectl: Kubectl, args: string[]): Promise<KubeObject[]> {
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

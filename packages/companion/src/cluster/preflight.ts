import { currentContext } from './context.ts'
import { Trouble, type Scope } from './errors.ts'
import type { IngressGateway } from './gateway.ts'
import { KubectlError, type Kubectl, type KubeObject } from './kubectl.ts'
import { isMadeAndEmpty, MANAGER } from './namespace.ts'
import { until } from './until.ts'
import { gatewayApiInstallCommand, isOlder, OLDEST, parseVersion, settings } from './versions.ts'
import { hasProxy } from './workloads.ts'

const OTHER_CONTEXT = 'choose another context: kubectl config get-contexts, kubectl config use-context NAME.'

/**
 * Makes sure that the current context leads to a cluster with Istio.
 *
 * @returns the name of the context
 * @throws {Trouble} when it does not
 */
export async function requireIstio (kubectl: Kubectl): Promise<string> {
  const context = await currentContext(kubectl)
  const kinds = ['api-resources', '--api-group=networking.istio.io', '-o', 'name', '--request-timeout=10s']
  const { code, stdout, stderr } = await kubectl.tryCluster(kinds)
  if (code !== 0) {
    throw new Trouble(
      `The cluster of the context ${context} does not answer: ${stderr.trim().split('\n').at(-1)}`,
      `Start it, or ${OTHER_CONTEXT}`)
  }
  if (!stdout.includes('virtualservices.')) {
    throw new Trouble(`The cluster of the context ${context} has no Istio.`,
      `Install it: istioctl install --set profile=demo. Or ${OTHER_CONTEXT}`)
  }
  return context
}

/** The namespace when the user names none: that of the current context, or the book's if the context has none. */
export async function usualNamespace (kubectl: Kubectl): Promise<string> {
  const { stdout } = await kubectl.tryCluster(['config', 'view', '--minify', '-o', 'jsonpath={..namespace}'])
  return stdout === '' || stdout === 'default' ? 'istioinaction' : stdout
}

/**
 * Makes the namespace, with injection, if it does not exist. If it is being deleted, waits until it is gone.
 *
 * @returns whether the companion made it: this run, or an earlier one that has not written anything into it
 * @throws {Trouble} when the deletion takes more than two minutes
 */
export async function ensureNamespace (kubectl: Kubectl): Promise<boolean> {
  const { namespace } = kubectl
  const phase = ['get', 'namespace', namespace, '--ignore-not-found', '-o', 'jsonpath={.status.phase}']
  let found = { code: 0, stdout: '' }
  const isStable = async () => {
    found = await kubectl.tryCluster(phase)
    return found.stdout !== 'Terminating'
  }
  if (!await until(isStable, { timeout: 120_000, interval: 1000, signal: kubectl.signal })) {
    throw new Trouble(`Namespace ${namespace} is being deleted, and still exists after two minutes.`,
      `To see what it waits for: kubectl get namespace ${namespace} -o yaml`)
  }
  if (found.code !== 0) return false // the user may not read namespaces, so somebody else has made this one
  const exists = found.stdout !== ''
  if (exists && !await isMadeAndEmpty(kubectl)) return false

  const complete = kubectl.with({ signal: undefined }) // otherwise Ctrl-C could leave a namespace without its label
  if (!exists) {
    const create = ['create', 'namespace', namespace, `--field-manager=${MANAGER}`]
    const created = await complete.tryCluster(create, 'lesson')
    if (/AlreadyExists/.test(created.stderr)) return await ensureNamespace(kubectl) // another run was faster
    if (created.code !== 0) throw new KubectlError(create, created)
  }
  const label = ['label', 'namespace', namespace, 'istio-injection=enabled']
  const labeled = await complete.tryCluster(label, 'lesson')
  if (labeled.code !== 0) throw new KubectlError(label, labeled)
  return true
}

/**
 * Makes sure that the pods of the namespace get proxies.
 *
 * @throws {Trouble} when they do not, or when Istio's injector does not answer
 */
export async function requireInjection (kubectl: Kubectl): Promise<void> {
  const { namespace } = kubectl
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'probe-' },
    spec: { containers: [{ name: 'probe', image: 'none' }] }
  }
  const dryRun = ['create', '--dry-run=server', '-o', 'json', '-f', '-']
  const probe = await kubectl.try(dryRun, { text: JSON.stringify(pod), is: 'would a Pod get a proxy?' })
  if (/failed calling webhook/.test(probe.stderr)) {
    throw new Trouble(`Istio's injector does not answer: ${probe.stderr.trim()}`,
      'Is istiod running? kubectl get pods -A -l app=istiod')
  }
  if (probe.code !== 0) throw new KubectlError(['-n', namespace, ...dryRun], probe)
  if (hasProxy(JSON.parse(probe.stdout) as Parameters<typeof hasProxy>[0])) return
  throw new Trouble(`Pods of namespace ${namespace} get no proxy: the namespace is not injected.`,
    `Label it: kubectl label namespace ${namespace} istio-injection=enabled. ` +
    `Then restart the pods that are already running: kubectl -n ${namespace} rollout restart deployment. ` +
    'Or use another namespace, which the companion makes: --namespace NAME')
}

interface Server {
  port: { number: number }
  hosts: string[]
}

interface GatewayObject extends KubeObject {
  spec: { selector?: Record<string, string>, servers: Server[] }
}

/**
 * The Gateways of other namespaces that claim a host at a port of the ingress gateway. If two Gateways claim the same
 * host, the older one wins, and requests reach the store of its namespace.
 *
 * @returns nothing if the user may not list Gateways
 */
export async function claimingGateways (
  kubectl: Kubectl, { labels }: Pick<IngressGateway, 'labels'>, host = '*', port = 80
): Promise<{ name: string, namespace: string }[]> {
  const { code, stdout } = await kubectl.tryCluster(['get', 'gateways.networking.istio.io', '-A', '-o', 'json'])
  if (code !== 0) return [] // the pods that answer show later whether the gateway leads to this namespace
  // A Gateway without a selector is for every gateway.
  const selects = ({ selector = {} }: GatewayObject['spec']) =>
    Object.entries(selector).every(([label, value]) => labels[label] === value)
  const hasHost = (server: Server) =>
    server.port.number === port && server.hosts.some(claimed => claimed.replace(/^.*\//, '') === host)
  return (JSON.parse(stdout) as { items: GatewayObject[] }).items
    .filter(({ metadata, spec }) =>
      metadata.namespace !== kubectl.namespace && selects(spec) && spec.servers.some(hasHost))
    .map(({ metadata }) => ({ name: metadata.name, namespace: metadata.namespace as string }))
}

/** A host and a port that must be free, and what the error ends if they are not. */
interface HostClaim {
  host?: string | undefined
  port?: number
  ends?: Scope
}

/**
 * Makes sure that this run can have a host of the gateway: by default `*` at port 80.
 *
 * @throws {Trouble} when a Gateway of another namespace claims the host
 */
export async function requireFreeHost (
  kubectl: Kubectl, gateway: Pick<IngressGateway, 'labels'>, { host = '*', port = 80, ends = 'run' }: HostClaim = {}
): Promise<void> {
  const [other] = await claimingGateways(kubectl, gateway, host, port)
  if (other === undefined) return
  throw new Trouble(
    `Gateway ${other.name} in namespace ${other.namespace} claims the host ${host} on the ingress gateway already. ` +
    'The older of two Gateways wins, so your requests would reach the other store.',
    'Use a host of your own: --host NAME.example. Or delete the other Gateway: ' +
    `kubectl -n ${other.namespace} delete gateways.networking.istio.io ${other.name}`,
    { ends })
}

/** How far the cluster's clock is ahead of ours, in milliseconds: a range. */
export interface ClockOffset {
  least: number
  most: number
}

/**
 * Compares the clocks. The cluster tells its time to the second.
 *
 * @returns 0 and 0 if the clocks may agree, or if the cluster does not tell its time
 */
export async function clockOffset (kubectl: Kubectl): Promise<ClockOffset> {
  const before = Date.now()
  const { stdout } = await kubectl.try([
    'create', 'configmap', 'clock', '--dry-run=server', '-o', 'jsonpath={.metadata.creationTimestamp}'
  ])
  const [least, most] = [Date.parse(stdout) - Date.now(), Date.parse(stdout) + 1000 - before]
  return least > 0 || most < 0 ? { least, most } : { least: 0, most: 0 }
}

/**
 * Makes sure that the cluster has the Gateway API.
 *
 * @throws {Trouble} when it does not, or has an older version than the exercises need
 */
export async function requireGatewayApi (kubectl: Kubectl): Promise<void> {
  const kinds = ['api-resources', '--api-group=gateway.networking.k8s.io', '-o', 'name']
  const { code, stdout } = await kubectl.tryCluster(kinds)
  if (code !== 0 || !stdout.includes('httproutes.')) {
    throw new Trouble('The cluster does not have the Gateway API.',
      `Install it, with its experimental channel for the retries: ${gatewayApiInstallCommand()}`)
  }
  const crd = await kubectl.tryCluster([
    'get', 'crd', 'httproutes.gateway.networking.k8s.io',
    '-o', 'jsonpath={.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version}'
  ])
  const version = parseVersion(crd.stdout) // undefined for users who may not read it
  if (version === undefined || !isOlder(version, OLDEST.gatewayApi)) return
  const oldest = OLDEST.gatewayApi.text
  throw new Trouble(
    `The cluster's Gateway API is ${version.text}, older than ${oldest}, the oldest that the exercises work with.`,
    `Upgrade it, with its experimental channel for the retries: ${gatewayApiInstallCommand()}`)
}

/** An add-on of Istio: its Service in istio-system, and the name of its provider in the mesh's configuration. */
export interface Addon {
  addon?: string
  provider?: string
}

/**
 * Makes sure that an add-on of Istio is installed, and that the mesh's configuration has its provider.
 *
 * @param name the file of the add-on in Istio's samples, without its ending
 * @throws {Trouble} which ends the exercise, when one of them is missing
 */
export async function requireAddon (kubectl: Kubectl, name: string, { addon, provider }: Addon): Promise<void> {
  const system = kubectl.in('istio-system')
  if (addon !== undefined && (await system.objects(['service', addon])).length === 0) {
    const samples = `https://raw.githubusercontent.com/istio/istio/release-${settings['ISTIO_VERSION']}/samples`
    throw new Trouble(`There is no ${name} in istio-system: this exercise needs its Service ${addon}.`,
      `Install it: kubectl apply -f ${samples}/addons/${name}.yaml`, { ends: 'exercise' })
  }
  if (provider === undefined) return
  const configs = await system.try(['get', 'configmaps', '-o', 'jsonpath={.items[*].data.mesh}']) // of all revisions
  if (configs.code !== 0 || new RegExp(`\\bname: "?${provider}(?![-\\w])`).test(configs.stdout)) return
  const entry = `- {name: ${provider}, ` +
    'opentelemetry: {service: jaeger-collector.istio-system.svc.cluster.local, port: 4317}}'
  throw new Trouble(`The mesh's configuration has no extensionProvider ${provider}.`,
    'Istio\'s profile demo has it. With another profile, run kubectl -n istio-system edit configmap istio, and add ' +
    `this line under extensionProviders: ${entry}`, { ends: 'exercise' })
}

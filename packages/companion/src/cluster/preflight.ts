import { setTimeout as sleep } from 'node:timers/promises'
import { currentContext } from './context.ts'
import type { IngressGateway } from './gateway.ts'
import { Kubectl, KubectlError, type KubeObject } from './kubectl.ts'
import { isMadeAndEmpty, MANAGER } from './namespace.ts'
import { Trouble } from './errors.ts'
import { installGatewayApi, isOlder, OLDEST, parseVersion } from './versions.ts'
import { hasProxy } from './workloads.ts'

/**
 * Makes sure that the current context leads to a cluster with Istio.
 *
 * @returns the name of the context
 * @throws {Trouble} when it does not
 */
export async function mesh (kubectl: Kubectl): Promise<string> {
  const context = await currentContext(kubectl)
  const { code, stdout, stderr } = await kubectl.tryCluster(['api-resources', '--api-group=networking.istio.io', '-o', 'name', '--request-timeout=10s'])
  if (code !== 0) {
    throw new Trouble(`The cluster of the context ${context} does not answer: ${stderr.trim().split('\n').at(-1)}`,
      'Start it, or choose another: kubectl config get-contexts, kubectl config use-context NAME.')
  }
  if (!stdout.includes('virtualservices.')) {
    throw new Trouble(`The cluster of the context ${context} has no Istio.`, 'Install it: istioctl install --set profile=demo. Or choose another context: kubectl config get-contexts.')
  }
  return context
}

/**
 * The namespace that a reader means who names none: that of the current context, and the book's where that has none.
 */
export async function usualNamespace (kubectl: Kubectl): Promise<string> {
  const { stdout } = await kubectl.tryCluster(['config', 'view', '--minify', '-o', 'jsonpath={..namespace}'])
  return stdout === '' || stdout === 'default' ? 'istioinaction' : stdout
}

/**
 * Makes the namespace, with injection, where there is none. One that is going is waited for.
 *
 * @returns whether it was made, by this run or by one that has not written anything into it
 */
export async function namespaceMade (kubectl: Kubectl): Promise<boolean> {
  const { namespace } = kubectl
  const look = () => kubectl.tryCluster(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'jsonpath={.status.phase}'])
  const deadline = Date.now() + 120_000
  let found = await look()
  while (found.stdout === 'Terminating') {
    if (Date.now() > deadline) throw new Trouble(`Namespace ${namespace} is being deleted, and has not gone for two minutes.`, `What it waits for: kubectl get namespace ${namespace} -o yaml`)
    await sleep(1000)
    found = await look()
  }
  if (found.code !== 0) return false // whoever may not look at namespaces has one
  const isThere = found.stdout !== ''
  if (isThere && !await isMadeAndEmpty(kubectl)) return false
  const unstoppable = new Kubectl(namespace, { announce: kubectl.announce }) // half a namespace would be left behind
  for (const args of [...isThere ? [] : [['create', 'namespace', namespace, `--field-manager=${MANAGER}`]], ['label', 'namespace', namespace, 'istio-injection=enabled']]) {
    const result = await unstoppable.tryCluster(args, 'lesson')
    if (args[0] === 'create' && /AlreadyExists/.test(result.stderr)) return await namespaceMade(kubectl) // somebody was faster
    if (result.code !== 0) throw new KubectlError(args, result)
  }
  return true
}

/**
 * Makes sure that the pods of the namespace get proxies.
 *
 * @throws {Trouble} when they do not
 */
export async function injected (kubectl: Kubectl): Promise<void> {
  const { namespace } = kubectl
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'probe-' }, spec: { containers: [{ name: 'probe', image: 'none' }] } }
  const dryRun = ['create', '--dry-run=server', '-o', 'json', '-f', '-']
  const probe = await kubectl.try(dryRun, { text: JSON.stringify(pod), is: 'would a Pod get a proxy?' })
  if (/failed calling webhook/.test(probe.stderr)) {
    throw new Trouble(`Istio's injector does not answer: ${probe.stderr.trim()}`, 'Is istiod running? kubectl get pods -A -l app=istiod')
  }
  if (probe.code !== 0) throw new KubectlError(['-n', namespace, ...dryRun], probe)
  if (!hasProxy(JSON.parse(probe.stdout) as Parameters<typeof hasProxy>[0])) {
    throw new Trouble(`Pods of namespace ${namespace} get no proxy: the namespace is not injected.`,
      `kubectl label namespace ${namespace} istio-injection=enabled, then, for pods that run already, kubectl -n ${namespace} rollout restart deployment. Or take another: --namespace NAME makes it.`)
  }
}

/**
 * The Gateways of other namespaces that claim a host at a port of the ingress gateway. Of two that claim the same one the older wins, and
 * requests reach somebody else's store.
 */
export async function claims (kubectl: Kubectl, { labels }: Pick<IngressGateway, 'labels'>, host = '*', port = 80): Promise<{ name: string, namespace: string }[]> {
  const { code, stdout } = await kubectl.tryCluster(['get', 'gateways.networking.istio.io', '-A', '-o', 'json'])
  if (code !== 0) return [] // not allowed to look; whose pods answer is looked at as well
  const gateways = (JSON.parse(stdout) as { items: (KubeObject & { spec: { selector?: Record<string, string>, servers: { port: { number: number }, hosts: string[] }[] } })[] }).items
  return gateways
    .filter(({ metadata, spec }) => metadata.namespace !== kubectl.namespace &&
      Object.entries(spec.selector ?? {}).every(([label, value]) => labels[label] === value) && // a Gateway without a selector is for every gateway
      spec.servers.some(server => server.port.number === port && server.hosts.some(claimed => claimed.replace(/^.*\//, '') === host)))
    .map(({ metadata }) => ({ name: metadata.name, namespace: metadata.namespace as string }))
}

/** @throws {Trouble} when another namespace claims the host */
export async function hostIsFree (kubectl: Kubectl, gateway: Pick<IngressGateway, 'labels'>, host = '*', port = 80): Promise<void> {
  const [other] = await claims(kubectl, gateway, host, port)
  if (other === undefined) return
  throw new Trouble(`Gateway ${other.name} in namespace ${other.namespace} claims the host ${host} on the ingress gateway already; of two the older one wins, and you would see its store.`,
    `Take a host of your own: --host NAME.example. Or delete the other: kubectl -n ${other.namespace} delete gateways.networking.istio.io ${other.name}`)
}

/** Between which milliseconds the cluster's clock is ahead of ours: it tells the time to a second. 0 and 0 where they may agree, or it does not tell. */
export async function clockAhead (kubectl: Kubectl): Promise<{ least: number, most: number }> {
  const before = Date.now()
  const { stdout } = await kubectl.try(['create', 'configmap', 'clock', '--dry-run=server', '-o', 'jsonpath={.metadata.creationTimestamp}'])
  const [least, most] = [Date.parse(stdout) - Date.now(), Date.parse(stdout) + 1000 - before]
  return least > 0 || most < 0 ? { least, most } : { least: 0, most: 0 }
}

/** @throws {Trouble} when the cluster does not have the kinds of the Gateway API, or has older ones than the exercises need */
export async function gatewayApiIsThere (kubectl: Kubectl): Promise<void> {
  const { code, stdout } = await kubectl.tryCluster(['api-resources', '--api-group=gateway.networking.k8s.io', '-o', 'name'])
  if (code !== 0 || !stdout.includes('httproutes.')) {
    throw new Trouble('The cluster does not have the Gateway API.', `Install it, with its experimental channel for the retries: ${installGatewayApi()}`)
  }
  const crd = await kubectl.tryCluster(['get', 'crd', 'httproutes.gateway.networking.k8s.io', '-o', 'jsonpath={.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version}'])
  const version = parseVersion(crd.stdout) // undefined for users who may not read it
  if (version === undefined || !isOlder(version, OLDEST.gatewayApi)) return
  throw new Trouble(`The cluster's Gateway API is ${version.text}, older than ${OLDEST.gatewayApi.text}, the oldest that the exercises work with.`, `Upgrade it, with its experimental channel for the retries: ${installGatewayApi()}`)
}

import { clearFaults } from '../cluster/chaos.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { asList, inEach, keyOf, mustBeRecreated, resourceOf } from '../cluster/manifests.ts'
import { until } from '../cluster/until.ts'
import { podsOf, PORTS, waitUntilGone } from '../cluster/workloads.ts'
import type { Snapshot } from './snapshot.ts'

/** The categories of kinds that could affect an exercise: all kinds of Istio and of the Gateway API. */
const ISTIO = 'istio-io'
const GATEWAY_API = 'gateway-api'

/** Kinds that `kubectl apply` cannot fully reset, so they are replaced: it keeps, for example, added variables. */
const REPLACED = ['Deployment', 'Pod', 'Service']

interface Deployment extends KubeObject {
  spec: { template: { metadata?: { labels?: Record<string, string> } } }
}

/** The labels of the pods of a Deployment. */
export const podLabelsOf = (deployment: KubeObject) =>
  (deployment as Deployment).spec.template.metadata?.labels ?? {}

/** Whether a Service of the store selects the pods of a Deployment. */
const isOfStore = (deployment: KubeObject) => (podLabelsOf(deployment)['app'] ?? '') in PORTS

/** Prepares the namespace for each exercise: removes and replaces objects. The snapshot records them first. */
export class Cleanup {
  readonly #kubectl: Kubectl
  readonly #snapshot: Snapshot
  /** the keys of objects that exercises have applied and not deleted yet */
  readonly #applied: Set<string>
  /** the keys of objects that commands have changed in ways that `kubectl apply` would not reset */
  readonly #changed: Set<string>
  #kinds: Promise<string> | undefined

  constructor (kubectl: Kubectl, snapshot: Snapshot) {
    this.#kubectl = kubectl
    this.#snapshot = snapshot
    this.#applied = new Set(snapshot.created)
    this.#changed = new Set(snapshot.created) // an earlier run may have changed them in any way
  }

  /** Records objects as they are now, before the exercise applies or changes them. */
  async markApplied (keys: string[]): Promise<void> {
    await this.#snapshot.remember(keys)
    for (const key of keys) this.#applied.add(key)
  }

  /** Notes that a command is going to change objects. Their next use in an exercise replaces them. */
  markChanged (keys: string[]): void {
    for (const key of keys) this.#changed.add(key)
  }

  /** Deletes the objects with these keys that the user made, so that a command can create its own. */
  async deleteOriginals (keys: string[]): Promise<void> {
    await this.#delete(keys.filter(key => this.#snapshot.hasOriginal(key)))
  }

  /**
   * Removes all faults, and all objects of Istio, of the store and of earlier exercises, except the wanted ones.
   *
   * @param wanted keys of the objects that stay
   */
  async removeExcept (wanted: Set<string>): Promise<void> {
    this.#kinds ??= this.#kindsToRemove()
    const found = await this.#kubectl.objects([await this.#kinds])
    const store = (await this.#kubectl.objects(['deployments'])).filter(isOfStore)
    const unwanted = store.filter(object => !wanted.has(this.#key(object))).map(({ metadata }) => metadata.name)
    const all = new Set([...[...found, ...store].map(object => this.#key(object)), ...this.#applied])
    const removed = [...all].filter(key => !wanted.has(key))
    if (removed.length > 0) {
      await this.#snapshot.remember(removed)
      await this.#delete(removed)
      await this.#deletePodsOf(unwanted)
      for (const key of removed) this.#applied.delete(key)
    }
    await waitUntilGone(this.#kubectl, unwanted)
    await clearFaults(this.#kubectl)
    await this.#waitForProxyToForget(removed)
  }

  /** Replaces the user's objects with these names, and objects that a command of an exercise has changed. */
  async replaceDiffering (objects: KubeObject[], path: string): Promise<void> {
    await this.#snapshot.remember(objects.map(object => this.#key(object)))
    const differs = (key: string) => this.#snapshot.hasOriginal(key) || this.#changed.has(key)
    const differing = objects.filter(object => REPLACED.includes(object.kind) && differs(this.#key(object)))
    if (differing.length === 0) return
    // Some of them may be missing now: an earlier exercise may have removed them.
    const found = await this.#kubectl.objects(differing.map(object => this.#resource(object)))
    const present = new Map(found.map(object => [this.#key(object), object]))
    const existing = differing.filter(object => present.has(this.#key(object)))
    const groups = Map.groupBy(existing, object =>
      mustBeRecreated(object, present.get(this.#key(object)) as KubeObject))
    for (const [recreate, list] of groups) {
      const force = recreate ? ['--force', '--cascade=foreground', '--wait'] : []
      const input = { text: asList(list), is: `${list.map(object => this.#resource(object)).join(' ')} of k8s/${path}` }
      await this.#kubectl.run(['replace', '--save-config', ...force, '-f', '-'], input)
      for (const object of list) this.#changed.delete(this.#key(object))
    }
  }

  /** Istio's kinds, and the Gateway API's in namespaces; a GatewayClass belongs to the whole cluster. */
  async #kindsToRemove (): Promise<string> {
    const list = ['api-resources', `--categories=${GATEWAY_API}`, '--namespaced', '-o', 'name']
    const { stdout } = await this.#kubectl.tryCluster(list)
    return [ISTIO, ...stdout.split('\n').filter(Boolean)].join(',')
  }

  async #delete (keys: string[]): Promise<void> {
    await inEach(this.#kubectl, keys, (kubectl, some) =>
      kubectl.run(['delete', ...some.map(resourceOf), '--ignore-not-found']))
  }

  /** Deletes pods with hardly any grace: nothing calls them anymore. */
  async #deletePodsOf (deployments: string[]): Promise<void> {
    const pods = await podsOf(this.#kubectl, deployments)
    if (pods.length === 0) return
    const names = pods.map(({ metadata }) => metadata.name)
    await this.#kubectl.run(['delete', 'pods', ...names, '--grace-period=1', '--wait=false', '--ignore-not-found'])
  }

  /** Waits up to 10 seconds until the webapp's proxy no longer has the routes that were deleted. */
  async #waitForProxyToForget (keys: string[]): Promise<void> {
    const routes = keys.map(resourceOf).filter(name => /^(virtualservice|destinationrule)\./.test(name))
      .map(name => name.replace(/\..*\//, '/')
        .replace(/^virtualservice/, 'virtual-service').replace(/^destinationrule/, 'destination-rule'))
    const [webapp] = routes.length === 0 ? [] : await this.#kubectl.runningPodNames('app=webapp')
    if (webapp === undefined) return
    const dump = ['exec', webapp, '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'config_dump']
    const hasForgotten = async () => {
      const { stdout } = await this.#kubectl.try(dump)
      return !routes.some(route => stdout.includes(`/namespaces/${this.#kubectl.namespace}/${route}"`))
    }
    await until(hasForgotten, { timeout: 10_000, interval: 300, signal: this.#kubectl.signal })
  }

  #key (object: KubeObject): string {
    return keyOf(object, this.#kubectl.namespace)
  }

  #resource (object: KubeObject): string {
    return resourceOf(this.#key(object))
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { clearFaults } from '../cluster/chaos.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { asList, keyOf, mustBeRecreated, namespaceOf, resourceOf } from '../cluster/manifests.ts'
import { allSettled } from '../cluster/settled.ts'
import { until } from '../cluster/until.ts'
import { isBeingDeleted, PORTS, waitUntilGone, type Pod } from '../cluster/workloads.ts'
import { deleteAll, deleteObjects, ownedBy } from './deletion.ts'
import type { Snapshot } from './snapshot.ts'

/** The categories of kinds that could affect an exercise: all kinds of Istio and of the Gateway API. */
const ISTIO = 'istio-io'
const GATEWAY_API = 'gateway-api'

/** The kinds of the store's objects, and of what the cluster makes for them. */
const OF_STORE = ['deployments', 'replicasets', 'pods', 'services', 'serviceaccounts']

/** Finds the keys, without their namespace, of the kinds that are always read. */
const READ = /^(deployment\.apps|pod|service|serviceaccount)\/|\.istio\.io\//

/** Kinds that `kubectl apply` cannot fully reset, so they are replaced: it keeps, for example, added variables. */
const REPLACED = ['Deployment', 'Pod', 'Service']

interface Deployment extends KubeObject {
  spec: { template: { metadata?: { labels?: Record<string, string> } } }
}

/** The labels of the pods of a Deployment. */
export const podLabelsOf = (deployment: KubeObject) =>
  (deployment as Deployment).spec.template.metadata?.labels ?? {}

/**
 * Whether an object could affect an exercise: all objects of Istio and of the Gateway API, and Deployments whose pods a
 * Service of the store selects.
 */
function couldAffectExercise (object: KubeObject): boolean {
  if (object.kind === 'Deployment') return (podLabelsOf(object)['app'] ?? '') in PORTS
  return !['ReplicaSet', 'Pod', 'Service', 'ServiceAccount'].includes(object.kind)
}

/** The pods among these objects that run and are not being deleted. */
const runningPodsIn = (objects: Iterable<KubeObject>) => [...objects].filter(object =>
  object.kind === 'Pod' && (object as Pod).status.phase === 'Running' && !isBeingDeleted(object))

/** How the proxies' configuration spells the kinds that it names. */
const SHOWN = { virtualservice: 'virtual-service', destinationrule: 'destination-rule' }

/**
 * How long Istio may take to update the proxies after the deletion of an object of any other kind, in milliseconds. The
 * proxies' configuration does not name those. Istio collects changes for a tenth of a second, and then sends them.
 */
const SPREADS_WITHIN = 2000

/** What is in the namespace, by key. */
export type Present = ReadonlyMap<string, KubeObject>

/** What an exercise finds after the removal. */
export interface Removal {
  /** what stays in the namespace, and is not being deleted */
  present: Present
  /** waits until the pods of the removed Deployments are gone, and the proxies no longer know the removed objects */
  waitUntilForgotten: () => Promise<void>
}

/** Prepares the namespace for each exercise: removes and replaces objects. The snapshot records them first. */
export class Cleanup {
  readonly #kubectl: Kubectl
  readonly #snapshot: Snapshot
  /** the keys of objects that exercises have applied and not deleted yet */
  readonly #applied: Set<string>
  /** the keys of objects that commands have changed in ways that `kubectl apply` would not reset */
  readonly #changed: Set<string>
  /** those of them that commands of this run have changed */
  readonly #changedHere = new Set<string>()
  /** the keys of the user's objects that were replaced, and have been as the exercise needs them since then */
  readonly #replaced = new Set<string>()
  /** an earlier run, or the user, may have set faults */
  #mayHaveFaults = true
  /** the kinds of the Gateway API that the cluster has; undefined until it was asked */
  #gatewayApi: string[] | undefined
  /** whether the namespace was read with these kinds */
  #hasReadAll = false

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

  /** Notes that a command is going to change objects. The next exercise that uses them replaces or recreates them. */
  markChanged (keys: string[]): void {
    for (const key of keys) {
      this.#changed.add(key)
      this.#changedHere.add(key)
    }
  }

  /** Notes that a command is going to set faults. The next exercise deletes them. */
  markFaults (): void {
    this.#mayHaveFaults = true
  }

  /** Deletes the objects with these keys that the user made, so that a command can create its own. */
  async deleteOriginals (keys: string[]): Promise<void> {
    await deleteObjects(this.#kubectl, keys.filter(key => this.#snapshot.hasOriginal(key)))
  }

  /**
   * Removes all faults, and all objects of Istio, of the store and of earlier exercises, except the wanted ones.
   *
   * @param wanted keys of the objects that the exercise needs: they stay, except Deployments that a command has changed
   * @param changed keys of the objects that the exercise is going to change; they are recorded with the removed ones
   */
  async removeExcept (wanted: Set<string>, changed: string[] = []): Promise<Removal> {
    const found = await this.#kubectl.objects([await this.#kindsToRead(), '--show-managed-fields'])
    this.#hasReadAll = this.#gatewayApi !== undefined
    const all = new Map(found.map(object => [this.#key(object), object]))
    const affecting = [...all].filter(([, object]) => couldAffectExercise(object)).map(([key]) => key)
    // A Deployment that a command has changed is recreated: to roll it back takes longer, because its old pods drain.
    const isRecreated = (key: string) => this.#changedHere.has(key) && all.get(key)?.kind === 'Deployment'
    const removed = [...new Set([...affecting, ...this.#applied])].filter(key => !wanted.has(key) || isRecreated(key))
    await this.#snapshot.remember([...removed, ...wanted, ...changed], key => all.get(key) ?? this.#absence(key))

    const owned = ownedBy(removed, found, this.#kubectl)
    const leaving = new Set([...removed, ...[...owned.owners, ...owned.pods].map(object => this.#key(object))])
    const present = new Map([...all].filter(([key, object]) => !leaving.has(key) && !isBeingDeleted(object)))
    const running = runningPodsIn(present.values())
    await allSettled([
      deleteAll(this.#kubectl, removed, owned, { wait: removed.some(key => wanted.has(key)) }),
      this.#mayHaveFaults ? clearFaults(this.#kubectl, running) : undefined
    ])
    this.#mayHaveFaults = false
    for (const key of removed) {
      this.#applied.delete(key)
      this.#changed.delete(key)
      this.#changedHere.delete(key)
    }
    const waitUntilForgotten = async () => {
      await allSettled([
        waitUntilGone(this.#kubectl, [...owned.owners, ...owned.pods]),
        this.#waitForProxiesToForget(removed, running)
      ])
    }
    return { present, waitUntilForgotten }
  }

  /**
   * Replaces the user's objects with these names, and objects that a command of an exercise has changed.
   *
   * @param present what is in the namespace, by key; some of the objects may be missing, if an exercise removed them
   * @returns whether there were any
   */
  async replaceDiffering (objects: KubeObject[], path: string, present: Present): Promise<boolean> {
    const isUsers = (key: string) => this.#snapshot.hasOriginal(key) && !this.#replaced.has(key)
    const differs = (key: string) => present.has(key) && (isUsers(key) || this.#changed.has(key))
    const differing = objects.filter(object => REPLACED.includes(object.kind) && differs(this.#key(object)))
    const groups = Map.groupBy(differing, object =>
      mustBeRecreated(object, present.get(this.#key(object)) as KubeObject))
    for (const [recreate, list] of groups) {
      const keys = list.map(object => this.#key(object))
      if (recreate) {
        const owned = ownedBy(keys, [...present.values()], this.#kubectl)
        await deleteAll(this.#kubectl, keys, owned, { wait: true })
      }
      const input = { text: asList(list), is: `${keys.map(resourceOf).join(' ')} of k8s/${path}` }
      await this.#kubectl.run([recreate ? 'create' : 'replace', '--save-config', '-f', '-'], input)
      for (const key of keys) {
        this.#changed.delete(key)
        this.#replaced.add(key)
      }
    }
    return differing.length > 0
  }

  /**
   * The store's kinds and Istio's. Those of the Gateway API follow in the first exercise, and in each one after an
   * exercise that has applied one of them. A GatewayClass belongs to the whole cluster, so it is not read.
   */
  async #kindsToRead (): Promise<string> {
    if (this.#gatewayApi === undefined) {
      const ask = ['api-resources', `--categories=${GATEWAY_API}`, '--namespaced', '-o', 'name']
      const { code, stdout } = await this.#kubectl.tryCluster(ask)
      if (code === 0) this.#gatewayApi = stdout.split('\n').filter(Boolean)
    }
    const isUsed = !this.#hasReadAll || [...this.#applied].some(key => key.includes('.gateway.networking.'))
    return [ISTIO, ...isUsed ? this.#gatewayApi ?? [] : [], ...OF_STORE].join(',')
  }

  /** Null if there is no such object, because the kind was read in the namespace; undefined if it must be read. */
  #absence (key: string): null | undefined {
    return namespaceOf(key) === this.#kubectl.namespace && READ.test(resourceOf(key)) ? null : undefined
  }

  /**
   * Waits up to ten seconds until the webapp's proxy no longer has what was deleted. The other proxies get the same
   * update at about the same time.
   */
  async #waitForProxiesToForget (keys: string[], pods: KubeObject[]): Promise<void> {
    const { namespace, signal } = this.#kubectl
    const ofIstio = keys.map(resourceOf)
      .filter(name => /\.(istio|networking\.k8s)\.io\//.test(name) && !name.startsWith('gateway.'))
    const shown = ofIstio.flatMap(name => {
      const [kind = '', rest = ''] = [name.replace(/\..*/, ''), name.replace(/^.*\//, '')]
      return kind in SHOWN ? [`/namespaces/${namespace}/${SHOWN[kind as keyof typeof SHOWN]}/${rest}"`] : []
    })
    if (shown.length < ofIstio.length) await sleep(SPREADS_WITHIN, undefined, { signal })
    const webapp = pods.find(pod => pod.metadata.name.startsWith('webapp-'))
    if (shown.length === 0 || webapp === undefined) return
    const exec = ['exec', webapp.metadata.name, '-c', 'istio-proxy', '--']
    const hasForgotten = async () => {
      const { code, stdout } = await this.#kubectl.try([...exec, 'pilot-agent', 'request', 'GET', 'config_dump'])
      return code === 0 && !shown.some(name => stdout.includes(name))
    }
    await until(hasForgotten, { timeout: 10_000, interval: 300, first: 50, signal })
  }

  #key (object: KubeObject): string {
    return keyOf(object, this.#kubectl.namespace)
  }
}

import { isDeepStrictEqual } from 'node:util'
import { Kubectl, type KubeObject } from './kubectl.ts'
import { keyOf } from './manifests.ts'
import { PORTS } from './workloads.ts'

/** The ConfigMap that holds the ledger, in the namespace of the exercises. */
const NAME = 'outfitters-companion'

interface Entries {
  /** Nothing was in it, and there is nothing in it to keep. */
  namespaceIsOurs: boolean
  /** by key: an object as it was, or null where there was none */
  objects: Record<string, KubeObject | null>
  /** the rules of the pods that had any */
  faults: { app: string, pod: string, rules: unknown[] }[]
}

/**
 * What was there before the exercises. It is written into the cluster before anything is changed, so that it can be brought back even
 * after this process was killed, from another machine if need be.
 */
export class Ledger {
  readonly #kubectl: Kubectl
  readonly #entries: Entries

  private constructor (kubectl: Kubectl, entries: Entries) {
    this.#kubectl = kubectl
    this.#entries = entries
  }

  /** The ledger that a run before this one has left in the namespace, if any. */
  static async find (kubectl: Kubectl): Promise<Ledger | undefined> {
    const [found] = await kubectl.objects(['configmap', NAME]) as (KubeObject & { data: { entries: string } })[]
    return found && new Ledger(kubectl, JSON.parse(found.data.entries) as Entries)
  }

  /** A new one, which knows of the faults of the running pods. */
  static async begin (kubectl: Kubectl, { namespaceIsOurs }: { namespaceIsOurs: boolean }): Promise<Ledger> {
    const ledger = new Ledger(kubectl, { namespaceIsOurs, objects: {}, faults: namespaceIsOurs ? [] : await faultsOf(kubectl) })
    await ledger.#write()
    return ledger
  }

  /** The keys of the objects that were not there before. */
  get ours (): string[] {
    return Object.entries(this.#entries.objects).filter(([, original]) => original === null).map(([key]) => key)
  }

  /** The services that had faults. */
  get faulty (): string[] {
    return [...new Set(this.#entries.faults.map(({ app }) => app))]
  }

  /** Writes down what is there now under these keys, unless that is done already. */
  async remember (keys: string[]): Promise<void> {
    const { objects, namespaceIsOurs } = this.#entries
    const fresh = keys.filter(key => !(key in objects))
    if (fresh.length === 0) return
    const found = namespaceIsOurs ? [] : await this.#kubectl.objects(fresh)
    for (const key of fresh) objects[key] = null
    for (const object of found) objects[keyOf(object)] = asApplied(object)
    await this.#write()
  }

  /**
   * Brings everything back, with a kubectl that no signal ends. What fails does not keep the rest from being brought back.
   *
   * @returns what could not be; the ledger stays then
   */
  async restore (): Promise<string[]> {
    const kubectl = new Kubectl(this.#kubectl.namespace, { announce: this.#kubectl.announce })
    const failures: string[] = []
    const attempt = async (work: () => Promise<unknown>) => {
      await work().catch((error: unknown) => { failures.push((error as Error).message) })
    }

    const { namespaceIsOurs, objects, faults } = this.#entries
    if (this.ours.length > 0) await attempt(() => kubectl.run(['delete', ...this.ours, '--ignore-not-found']))
    const originals = Object.values(objects).filter(object => object !== null)
    if (originals.length > 0) {
      await attempt(async () => {
        const now = new Map((await kubectl.objects(originals.map(keyOf))).map(object => [keyOf(object), asApplied(object)]))
        const missing = originals.filter(original => !now.has(keyOf(original)))
        const changed = originals.filter(original => now.has(keyOf(original)) && !isDeepStrictEqual(now.get(keyOf(original)), original))
        for (const [verb, list] of [['create', missing], ['replace', changed]] as const) {
          if (list.length > 0) await attempt(() => kubectl.run([verb, '-f', '-'], { text: asList(list), is: list.map(keyOf).join(' ') }))
        }
      })
    }
    const pods = faults.length > 0 ? await kubectl.pods('app').catch(() => []) : []
    for (const { app, pod, rules } of faults.filter(({ pod }) => pods.includes(pod))) {
      for (const rule of rules) {
        await attempt(async () => {
          const { code, stderr } = await kubectl.shell('scripts/chaos.sh', ['rule', JSON.stringify(rule), '--app', app, '--pod', pod, '-n', kubectl.namespace], 'upkeep')
          if (code !== 0) throw new Error(stderr)
        })
      }
    }
    if (failures.length === 0) {
      await attempt(() => namespaceIsOurs
        ? kubectl.run(['delete', 'namespace', kubectl.namespace, '--wait=false'])
        : kubectl.run(['delete', 'configmap', NAME]))
    }
    return failures
  }

  async #write (): Promise<void> {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME }, data: { entries: JSON.stringify(this.#entries) } }
    await this.#kubectl.run(['apply', '--server-side', '--force-conflicts', '-f', '-'], { text: JSON.stringify(configMap), is: `what was there before, in ConfigMap ${NAME}` })
  }
}

/** An object without what the API server adds to it. */
function asApplied ({ status, metadata: { uid, resourceVersion, creationTimestamp, generation, managedFields, ...metadata }, ...object }: KubeObject): KubeObject {
  return { ...object, metadata } as KubeObject
}

function asList (items: KubeObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

async function faultsOf (kubectl: Kubectl): Promise<Entries['faults']> {
  const faults: Entries['faults'] = []
  for (const [app, port] of Object.entries(PORTS)) {
    for (const pod of await kubectl.pods(`app=${app}`)) {
      const rules = JSON.parse(await kubectl.run(['exec', pod, '-c', app, '--', 'curl', '-s', `localhost:${port}/blowup`])) as Record<string, { state: { ended?: string } }>
      const active = Object.entries(rules).filter(([, { state }]) => state.ended === undefined).map(([name, { state, ...rule }]) => ({ name, ...rule }))
      if (active.length > 0) faults.push({ app, pod, rules: active })
    }
  }
  return faults
}

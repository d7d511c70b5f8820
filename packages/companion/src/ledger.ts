import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { chaos } from './chaos.ts'
import { Kubectl, type KubeObject } from './kubectl.ts'
import { asList, inEach, keyOf, nameOf } from './manifests.ts'
import { Trouble } from './trouble.ts'
import { PORTS } from './workloads.ts'

/** The ConfigMap that holds the ledger, in the namespace of the exercises. */
const NAME = 'outfitters-companion'

/** A process that runs exercises in the namespace. */
interface Holder {
  host: string
  pid: number
}

interface Entries {
  /** null after a run with --keep */
  holder: Holder | null
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
    this.#kubectl = new Kubectl(kubectl.namespace, { announce: kubectl.announce }) // what is written down is written to its end
    this.#entries = entries
  }

  /**
   * Takes over the ledger that a run before this one has left in the namespace, if any.
   *
   * @throws {Trouble} when that run is still at work
   */
  static async takeOver (kubectl: Kubectl): Promise<Ledger | undefined> {
    const [found] = await kubectl.objects(['configmap', NAME]) as (KubeObject & { data: { entries: string } })[]
    if (found === undefined) return undefined
    const entries = JSON.parse(found.data.entries) as Entries
    refuseLiving(entries.holder, kubectl.namespace)
    const ledger = new Ledger(kubectl, entries)
    await ledger.#hold(us())
    return ledger
  }

  /** A new one, which knows of the faults of the running pods. */
  static async begin (kubectl: Kubectl, { namespaceIsOurs }: { namespaceIsOurs: boolean }): Promise<Ledger> {
    const ledger = new Ledger(kubectl, { holder: us(), namespaceIsOurs, objects: {}, faults: namespaceIsOurs ? [] : await faultsOf(kubectl) })
    await ledger.#write()
    return ledger
  }

  /** Leaves it for a later run, or for --reset. */
  async keep (): Promise<void> {
    await this.#hold(null)
  }

  /** The keys of the objects that were not there before. */
  get ours (): string[] {
    return Object.entries(this.#entries.objects).filter(([, original]) => original === null).map(([key]) => key)
  }

  /** Whether there was such an object before. */
  has (key: string): boolean {
    return (this.#entries.objects[key] ?? null) !== null
  }

  /** Writes down what is there now under these keys, unless that is done already. */
  async remember (keys: string[]): Promise<void> {
    const { objects, namespaceIsOurs } = this.#entries
    const fresh = keys.filter(key => !(key in objects))
    if (fresh.length === 0) return
    const { namespace } = this.#kubectl
    for (const key of fresh) objects[key] = null
    await inEach(this.#kubectl, fresh, async (kubectl, keys) => {
      if (namespaceIsOurs && kubectl.namespace === namespace) return
      for (const object of await kubectl.objects(keys.map(nameOf))) objects[keyOf(object, namespace)] = asApplied(object)
    })
    await this.#write()
  }

  /**
   * Brings everything back, and no signal ends that. What fails does not keep the rest from being brought back.
   *
   * @returns what could not be; the ledger stays then
   */
  async restore (): Promise<string[]> {
    const kubectl = this.#kubectl
    const failures: string[] = []
    const attempt = async (work: () => Promise<unknown>) => {
      await work().catch((error: unknown) => { failures.push((error as Error).message) })
    }

    const { namespaceIsOurs, objects, faults } = this.#entries
    await inEach(kubectl, this.ours, (each, keys) => attempt(() => each.run(['delete', ...keys.map(nameOf), '--ignore-not-found'])))
    const there = Object.keys(objects).filter(key => this.has(key))
    await inEach(kubectl, there, (each, keys) => attempt(async () => {
      const now = new Map((await each.objects(keys.map(nameOf))).map(object => [keyOf(object, each.namespace), asApplied(object)]))
      const missing = keys.filter(key => !now.has(key))
      const changed = keys.filter(key => now.has(key) && !isDeepStrictEqual(now.get(key), objects[key]))
      for (const [verb, some] of [['create', missing], ['replace', changed]] as const) {
        if (some.length > 0) await attempt(() => each.run([verb, '-f', '-'], { text: asList(some.map(key => objects[key] as KubeObject)), is: some.map(nameOf).join(' ') }))
      }
    }))
    const pods = faults.length > 0 ? await kubectl.pods('app').catch(() => []) : []
    for (const { app, pod, rules } of faults.filter(({ pod }) => pods.includes(pod))) {
      for (const rule of rules) await attempt(() => chaos(kubectl, ['rule', JSON.stringify(rule), '--app', app, '--pod', pod], 'upkeep'))
    }
    if (failures.length === 0) {
      await attempt(() => namespaceIsOurs
        ? kubectl.run(['delete', 'namespace', kubectl.namespace, '--wait=false'])
        : kubectl.run(['delete', 'configmap', NAME]))
    }
    return failures
  }

  async #hold (holder: Holder | null): Promise<void> {
    this.#entries.holder = holder
    await this.#write()
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

async function faultsOf (kubectl: Kubectl): Promise<Entries['faults']> {
  const faults: Entries['faults'] = []
  for (const [app, port] of Object.entries(PORTS)) {
    for (const pod of await kubectl.pods(`app=${app}`)) {
      const { code, stdout } = await kubectl.try(['exec', pod, '-c', app, '--', 'curl', '-sf', `localhost:${port}/blowup`])
      if (code !== 0) continue // another image, without faults of this kind
      const rules = JSON.parse(stdout) as Record<string, { state?: { ended?: string } }>
      const active = Object.entries(rules).filter(([, { state }]) => state !== undefined && state.ended === undefined).map(([name, { state, ...rule }]) => ({ name, ...rule }))
      if (active.length > 0) faults.push({ app, pod, rules: active })
    }
  }
  return faults
}

const us = (): Holder => ({ host: hostname(), pid: process.pid })

function refuseLiving (holder: Holder | null, namespace: string): void {
  if (holder === null || (holder.host === hostname() && !isAlive(holder.pid))) return
  throw new Trouble(`Another run is at work in namespace ${namespace}: process ${holder.pid} on ${holder.host}.`,
    `Wait for it, or take a namespace of your own: --namespace NAME. If it was killed there, npm run exercise -- --reset on that machine, or kubectl -n ${namespace} delete configmap ${NAME} to forget what was there before it.`)
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

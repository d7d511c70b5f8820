import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { activeFaults, clearFaults, restoreFaults, type PodFaults } from '../cluster/chaos.ts'
import type { Images } from '../cluster/images.ts'
import { Kubectl, KubectlError, type KubeObject } from '../cluster/kubectl.ts'
import { asList, deploymentsOf, inEach, isAnother, keyOf, nameOf } from '../cluster/manifests.ts'
import { makersOf, othersIn } from '../cluster/namespace.ts'
import { Trouble } from '../cluster/errors.ts'
import { rolledOut } from '../cluster/workloads.ts'

/** The Secret that holds the ledger, in the namespace of the exercises: there may be others' secrets in it. */
const NAME = 'outfitters-companion'

/** How often a run at work writes its ledger, in milliseconds, and how long one may be silent before it counts as killed. */
const BEAT = 5000
const SILENCE = 4 * BEAT

/** How the names of the folders begin that runs have. */
export const PREFIX = 'outfitters-'

/** A run of the companion. */
interface Holder {
  id: string
  host: string
  pid: number
}

interface Entries {
  /** Nothing was in it before. */
  namespaceIsOurs: boolean
  /** by key: an object as it was, or null where there was none */
  objects: Record<string, KubeObject | null>
  faults: PodFaults[]
  /** those of the reader's Deployments that worked, by service */
  images?: Images
  /** of this machine, with keys and tokens in it */
  folder?: string
}

type Written = KubeObject & { metadata: { resourceVersion: string }, data: { holder?: string, entries: string } }

/** How it came out that everything was brought back. */
export interface Restored {
  /** what could not be; the ledger stays then */
  unrestored: string[]
  /** what somebody has put into a namespace that was made, which stays for it */
  kept: string[]
}

export interface LedgerOptions {
  note: (text: string) => void
}

/**
 * What was there before the exercises. It is written into the cluster before anything is changed, so that it can be brought back even
 * after this process was killed, from another machine if need be. Whoever holds it writes it every few seconds: that is how others
 * know that a run is at work, whatever their clocks say.
 */
export class Ledger {
  readonly #kubectl: Kubectl
  readonly #entries: Entries
  readonly #us: Holder = { id: randomUUID(), host: hostname(), pid: process.pid }
  readonly #lost = new AbortController()
  #isHeld = true
  #version: string | undefined
  #writes: Promise<void> = Promise.resolve()
  #beat: NodeJS.Timeout | undefined

  private constructor (kubectl: Kubectl, entries: Entries, version?: string) {
    this.#kubectl = new Kubectl(kubectl.namespace, { announce: kubectl.announce, signal: this.#lost.signal }) // what is written down is written to its end
    this.#entries = entries
    this.#version = version
  }

  /**
   * Takes over the ledger that a run before this one has left in the namespace, if any.
   *
   * @throws {Trouble} when that run is still at work
   */
  static async takeOver (kubectl: Kubectl, options: LedgerOptions): Promise<Ledger | undefined> {
    const found = await silent(kubectl, options)
    if (found === undefined) return undefined
    const ledger = new Ledger(kubectl, parsed<Entries>(found.data.entries), found.metadata.resourceVersion)
    await ledger.#hold()
    ledger.#removeFolder()
    return ledger
  }

  /**
   * A new one, which knows of the faults of the running pods.
   *
   * @throws {Trouble} when another run has begun one meanwhile
   */
  static async begin (kubectl: Kubectl, { namespaceIsOurs }: Pick<Entries, 'namespaceIsOurs'>): Promise<Ledger> {
    const ledger = new Ledger(kubectl, { namespaceIsOurs, objects: {}, faults: namespaceIsOurs ? [] : await activeFaults(kubectl) })
    await ledger.#hold()
    return ledger
  }

  /** Aborted, with the trouble as its reason, when another run has taken the ledger over: this one is to leave everything alone then. */
  get lost (): AbortSignal {
    return this.#lost.signal
  }

  /** Leaves it for a later run, or for --reset. */
  async keep (): Promise<void> {
    clearInterval(this.#beat)
    this.#isHeld = false
    await this.#write()
  }

  /** The keys of the objects that were not there before. */
  get ours (): string[] {
    return Object.entries(this.#entries.objects).filter(([, original]) => original === null).map(([key]) => key)
  }

  /** Whether there was such an object before. */
  has (key: string): boolean {
    return (this.#entries.objects[key] ?? null) !== null
  }

  /**
   * Writes down what is there now under these keys, unless that is done already.
   *
   * @throws {Error} when one of them is of the exercises in another namespace
   */
  async remember (keys: string[]): Promise<void> {
    const { objects } = this.#entries
    const fresh = keys.filter(key => !(key in objects))
    if (fresh.length === 0) return
    const found: Entries['objects'] = Object.fromEntries(fresh.map(key => [key, null]))
    await inEach(this.#kubectl, fresh, async (kubectl, keys) => {
      for (const object of await kubectl.objects([...keys.map(nameOf), '--show-managed-fields'])) {
        if (await this.#isSomebodys(object)) found[keyOf(object, this.#kubectl.namespace)] = asApplied(object)
      }
    })
    Object.assign(objects, found) // not before all of them are known: what is null is deleted at the end
    await this.#write()
  }

  /** The images that the reader's Deployments had, by service; undefined if none are recorded. */
  get images (): Images | undefined {
    return this.#entries.images
  }

  /** Records them: a run that takes over finds the companion's Deployments in the namespace. */
  async keepsImages (images: Images): Promise<void> {
    this.#entries.images = images
    await this.#write()
  }

  /** Writes down that a run has this folder. */
  async owns (folder: string): Promise<void> {
    this.#entries.folder = folder
    await this.#write()
  }

  /** Whether somebody other than the companion has made an object. What a run has made elsewhere, whose ledger was deleted with its namespace, nobody misses. */
  async #isSomebodys (object: KubeObject): Promise<boolean> {
    const makers = makersOf(object)
    for (const other of makers.filter(maker => maker !== this.#kubectl.namespace)) {
      if (await read(this.#kubectl.in(other)) === undefined) continue
      throw new Error(`${object.kind} ${object.metadata.name} in namespace ${object.metadata.namespace} is of the exercises in namespace ${other}, with whom you share it. Wait for them, or, if their run was killed: npm run exercise -- --reset --namespace ${other}`)
    }
    return makers.length === 0
  }

  /**
   * Brings everything back, and no signal ends that. What fails does not keep the rest from being brought back.
   */
  async restore (): Promise<Restored> {
    const kubectl = this.#kubectl
    const unrestored: string[] = []
    const attempt = async (work: () => Promise<unknown>) => {
      await work().catch((error: unknown) => { unrestored.push((error as Error).message) })
    }

    this.#removeFolder()
    const { namespaceIsOurs, objects, faults } = this.#entries
    if (!namespaceIsOurs) await attempt(() => clearFaults(kubectl)) // the exercise's own; the pods in which it has set them may well stay
    await inEach(kubectl, this.ours, (each, keys) => attempt(() => each.run(['delete', ...keys.map(nameOf), '--ignore-not-found'])))
    const theirs = Object.entries(objects).filter((entry): entry is [string, KubeObject] => entry[1] !== null)
    await inEach(kubectl, theirs.map(([key]) => key), (each, keys) => attempt(() => this.#bringBack(each, keys, attempt)))
    if (faults.length > 0) {
      await rolledOut(kubectl, deploymentsOf(theirs.map(([, object]) => object))).catch(() => {}) // in what has not, no fault can be set, which is said then
      await attempt(async () => { unrestored.push(...await restoreFaults(kubectl, faults)) })
    }
    const kept = namespaceIsOurs && unrestored.length === 0 ? await othersIn(kubectl, [`secret/${NAME}`, ...this.ours.map(nameOf)]).catch((error: unknown) => [`what cannot be listed (${(error as Error).message})`]) : []
    if (unrestored.length === 0) await attempt(() => this.#discard(namespaceIsOurs && kept.length === 0))
    clearInterval(this.#beat)
    return { unrestored, kept }
  }

  #removeFolder (): void {
    const { folder } = this.#entries
    if (folder !== undefined && dirname(folder) === tmpdir() && basename(folder).startsWith(PREFIX)) rmSync(folder, { recursive: true, force: true }) // whoever may write the Secret is not to choose what is deleted
    delete this.#entries.folder
  }

  /** Makes those anew that have gone, or cannot be changed to what they were, and undoes what has changed in the others. */
  async #bringBack (kubectl: Kubectl, keys: string[], attempt: (work: () => Promise<unknown>) => Promise<void>): Promise<void> {
    const { objects } = this.#entries
    const there = async () => new Map((await kubectl.objects(keys.map(nameOf))).map(object => [keyOf(object, kubectl.namespace), asApplied(object)]))
    let now = await there()
    const others = [...now].filter(([key, object]) => isAnother(object, objects[key] as KubeObject)).map(([key]) => key)
    if (others.length > 0) {
      await attempt(() => kubectl.run(['delete', ...others.map(nameOf), '--cascade=foreground']))
      now = await there()
    }
    const gone = keys.filter(key => !now.has(key))
    if (gone.length > 0) {
      await attempt(() => kubectl.run(['create', '-f', '-'], { text: asList(gone.map(key => objects[key] as KubeObject)), is: gone.map(nameOf).join(' ') }))
      now = await there() // create has written the annotation of kubectl apply anew
    }
    for (const [key, object] of now) {
      const patch = difference(object, objects[key] as KubeObject)
      if (patch.length > 0) await attempt(() => this.#patch(kubectl, key, patch))
    }
  }

  /** By a file: what is in a Secret is neither for the terminal nor for the list of processes. */
  async #patch (kubectl: Kubectl, key: string, patch: object[]): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), PREFIX))
    try {
      const file = join(folder, 'patch.json')
      writeFileSync(file, JSON.stringify(patch))
      await kubectl.run(['patch', nameOf(key), '--type=json', `--patch-file=${file}`])
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  async #discard (withNamespace: boolean): Promise<void> {
    clearInterval(this.#beat)
    await this.#writes
    await (withNamespace
      ? this.#kubectl.run(['delete', 'namespace', this.#kubectl.namespace, '--wait=false'])
      : this.#kubectl.run(['delete', 'secret', NAME, '--ignore-not-found']))
  }

  async #hold (): Promise<void> {
    await this.#write()
    const quiet = new Kubectl(this.#kubectl.namespace, { signal: this.#lost.signal }) // not for a reader to learn
    this.#beat = setInterval(() => { this.#write(quiet).catch(() => {}) }, BEAT).unref() // the next one may get through
  }

  /** One write at a time, in their order. */
  #write (kubectl = this.#kubectl): Promise<void> {
    const write = this.#writes.then(() => this.#send(kubectl))
    this.#writes = write.catch(() => {})
    return write
  }

  async #send (kubectl: Kubectl, isRepeated = false): Promise<void> {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: NAME, ...(this.#version !== undefined && { resourceVersion: this.#version }) },
      stringData: { ...(this.#isHeld && { holder: JSON.stringify(this.#us) }), beat: new Date().toISOString(), entries: JSON.stringify(this.#entries) }
    }
    const verb = this.#version === undefined ? 'create' : 'replace'
    try {
      this.#version = await kubectl.run([verb, '-f', '-', '-o', 'jsonpath={.metadata.resourceVersion}'], { text: JSON.stringify(secret), is: `what was there before, in Secret ${NAME}` })
    } catch (error) {
      if (!(error instanceof KubectlError) || !/AlreadyExists|Conflict|NotFound/.test(error.message)) throw error
      const found = await read(kubectl)
      if (isRepeated || found === undefined || holderOf(found)?.id !== this.#us.id) throw this.#lose(found)
      this.#version = found.metadata.resourceVersion // our own write had got through, and we were not told
      await this.#send(kubectl, true)
    }
  }

  #lose (found: Written | undefined): Trouble {
    clearInterval(this.#beat)
    const trouble = atWork(this.#kubectl.namespace, found && holderOf(found))
    this.#lost.abort(trouble)
    return trouble
  }
}

/** The ledger in the namespace, as soon as it is sure that no run holds it. */
async function silent (kubectl: Kubectl, { note }: LedgerOptions): Promise<Written | undefined> {
  const found = await read(kubectl)
  const holder = found && holderOf(found)
  if (found === undefined || holder === undefined || (holder.host === hostname() && !isAlive(holder.pid))) return found
  note(`Process ${holder.pid} on ${holder.host} has begun exercises in namespace ${kubectl.namespace}. Is it still at work? ${SILENCE / 1000} s will tell.`)
  const deadline = performance.now() + SILENCE
  while (performance.now() < deadline) {
    await sleep(1000, undefined, { signal: kubectl.signal })
    const now = await read(kubectl)
    if (now === undefined) return undefined
    if (now.metadata.resourceVersion !== found.metadata.resourceVersion) throw atWork(kubectl.namespace, holderOf(now))
  }
  return found
}

async function read (kubectl: Kubectl): Promise<Written | undefined> {
  return (await kubectl.objects(['secret', NAME]) as Written[])[0]
}

const holderOf = ({ data: { holder } }: Written) => holder === undefined ? undefined : parsed<Holder>(holder)

const parsed = <T>(base64: string) => JSON.parse(Buffer.from(base64, 'base64').toString()) as T

function atWork (namespace: string, holder: Holder | undefined): Trouble {
  return new Trouble(`Another run is at work in namespace ${namespace}${holder === undefined ? '' : `: process ${holder.pid} on ${holder.host}`}.`,
    'Wait for it, or take a namespace of your own: --namespace NAME.')
}

/** An object without what the API server and its controllers add to it. */
function asApplied ({ status, metadata: { uid, resourceVersion, creationTimestamp, generation, managedFields, ...metadata }, ...object }: KubeObject): KubeObject {
  const annotations = Object.entries(metadata['annotations'] ?? {}).filter(([name]) => name !== 'deployment.kubernetes.io/revision')
  return { ...object, metadata: { ...metadata, annotations: annotations.length > 0 ? Object.fromEntries(annotations) : undefined } } as KubeObject
}

/**
 * The JSON patch (RFC 6902) that makes one object of the other, by whole fields. `kubectl replace` would do too, but writes the
 * annotation that `kubectl apply` compares with anew: the reader's next apply would take what was scaled or defaulted for what his file had said.
 */
function difference (from: KubeObject, to: KubeObject): { op: string, path: string, value?: unknown }[] {
  const fields = (a: Record<string, unknown>, b: Record<string, unknown>, path: string) =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(field => !isDeepStrictEqual(a[field], b[field])).map(field =>
      b[field] === undefined ? { op: 'remove', path: `${path}/${field}` } : { op: 'add', path: `${path}/${field}`, value: b[field] })
  const { metadata: before, ...rest } = from
  const { metadata: after, ...wanted } = to
  return [...fields(before, after, '/metadata'), ...fields(rest, wanted, '')]
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

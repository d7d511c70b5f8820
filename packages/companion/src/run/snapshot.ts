import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { activeFaults, type PodFaults } from '../cluster/chaos.ts'
import type { Images } from '../cluster/images.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { inEach, keyOf, namespaceOf, resourceOf } from '../cluster/manifests.ts'
import { makersOf } from '../cluster/namespace.ts'
import { Lease, readLease, type LeaseOptions } from './lease.ts'

/** The beginning of the names of the folders that runs make. */
export const FOLDER_PREFIX = 'outfitters-'

/** What is recorded in the cluster. Older versions of the companion wrote the same format. */
interface Entries {
  /** the companion made the namespace, so nothing was in it before */
  namespaceIsOurs: boolean
  /** by key: an object as it was, or null if it did not exist */
  objects: Record<string, KubeObject | null>
  faults: PodFaults[]
  /** by service: the images of the user's Deployments that worked */
  images?: Images
  /** a folder of this machine, with keys and tokens in it */
  folder?: string
}

/** The record of what was in the namespace before the exercises. It is in the cluster before anything is changed. */
export class Snapshot {
  readonly #lease: Lease<Entries>

  private constructor (lease: Lease<Entries>) {
    this.#lease = lease
  }

  /**
   * Takes over the snapshot that an earlier run left in the namespace, if there is one.
   *
   * @throws {Trouble} when that run is still at work
   */
  static async takeOver (kubectl: Kubectl, options: LeaseOptions): Promise<Snapshot | undefined> {
    const lease = await Lease.takeOver<Entries>(kubectl, options)
    if (lease === undefined) return undefined
    const snapshot = new Snapshot(lease)
    snapshot.removeFolder()
    return snapshot
  }

  /**
   * Begins a snapshot. It records the faults of the running pods; objects follow as `remember` is called.
   *
   * @throws {Trouble} when another run has just begun one
   */
  static async begin (kubectl: Kubectl, options: Pick<Entries, 'namespaceIsOurs'>): Promise<Snapshot> {
    const { namespaceIsOurs } = options
    const faults = namespaceIsOurs ? [] : await activeFaults(kubectl)
    return new Snapshot(await Lease.acquire<Entries>(kubectl, { namespaceIsOurs, objects: {}, faults }))
  }

  /** kubectl for restoring: only the loss of the lease ends it. */
  get kubectl (): Kubectl {
    return this.#lease.kubectl
  }

  /** Aborted, with the error to report, when another run has taken the snapshot over. */
  get lost (): AbortSignal {
    return this.#lease.lost
  }

  /** Whether the companion made the namespace. */
  get namespaceIsOurs (): boolean {
    return this.#lease.entries.namespaceIsOurs
  }

  /** The faults that the pods had. */
  get faults (): PodFaults[] {
    return this.#lease.entries.faults
  }

  /** The objects that existed before, by key. */
  get originals (): Map<string, KubeObject> {
    const entries = Object.entries(this.#lease.entries.objects)
    return new Map(entries.filter((entry): entry is [string, KubeObject] => entry[1] !== null))
  }

  /** The keys of the objects that did not exist before. */
  get created (): string[] {
    const entries = Object.entries(this.#lease.entries.objects)
    return entries.filter(([, original]) => original === null).map(([key]) => key)
  }

  /** Whether an object existed before. */
  hasOriginal (key: string): boolean {
    return (this.#lease.entries.objects[key] ?? null) !== null
  }

  /**
   * Records the objects with these keys as they are now, and the keys that have no object. An object that already has a
   * record keeps that record.
   *
   * @param known returns an object that was just read with its managed fields, null if it does not exist, and undefined
   * if it was not read
   * @throws {Error} when one of them belongs to the exercises in another namespace
   */
  async remember (
    keys: string[], known: (key: string) => KubeObject | null | undefined = () => undefined
  ): Promise<void> {
    const { objects } = this.#lease.entries
    const fresh = [...new Set(keys)].filter(key => !(key in objects))
    if (fresh.length === 0) return
    const read = fresh.flatMap(key => known(key) ?? [])
    await inEach(this.kubectl, fresh.filter(key => known(key) === undefined), async (kubectl, keys) => {
      read.push(...await kubectl.objects([...keys.map(resourceOf), '--show-managed-fields']))
    })
    const found: Entries['objects'] = Object.fromEntries(fresh.map(key => [key, null]))
    for (const object of read) {
      if (await this.#isMadeByUser(object)) found[keyOf(object, this.kubectl.namespace)] = asApplied(object)
    }
    Object.assign(objects, found) // only when all are known: an object that is recorded as null is deleted at the end
    await this.#lease.save()
  }

  /**
   * Whether a user made the object. An object of exercises whose lease no longer exists is left over: their namespace
   * was deleted, and the lease with it.
   *
   * @throws {Error} when it belongs to the exercises in another namespace
   */
  async #isMadeByUser (object: KubeObject): Promise<boolean> {
    const makers = makersOf(object)
    for (const other of makers.filter(maker => maker !== this.kubectl.namespace)) {
      if (await readLease(this.kubectl.in(other)) === undefined) continue
      const key = keyOf(object, this.kubectl.namespace)
      throw new Error(`${object.kind} ${object.metadata.name} in namespace ${namespaceOf(key)} belongs to the ` +
        `exercises in namespace ${other}. Wait until they have ended. If their run was killed, clean up after it: ` +
        `npm run exercise -- --reset --namespace ${other}`)
    }
    return makers.length === 0
  }

  /** The images that the user's Deployments had, by service; undefined if none are recorded. */
  get images (): Images | undefined {
    return this.#lease.entries.images
  }

  /** Records the images of the user's Deployments: a run that takes over finds the companion's Deployments instead. */
  async saveImages (images: Images): Promise<void> {
    this.#lease.entries.images = images
    await this.#lease.save()
  }

  /** Records the run's folder, so that it is removed even after the run was killed. */
  async saveFolder (folder: string): Promise<void> {
    this.#lease.entries.folder = folder
    await this.#lease.save()
  }

  /** Removes the run's folder, but no other: users who can write the Secret must not choose what is deleted here. */
  removeFolder (): void {
    const { folder } = this.#lease.entries
    if (folder !== undefined && dirname(folder) === tmpdir() && basename(folder).startsWith(FOLDER_PREFIX)) {
      rmSync(folder, { recursive: true, force: true })
    }
    delete this.#lease.entries.folder
  }

  /** Leaves the snapshot for a later run, or for --reset. */
  async keep (): Promise<void> {
    await this.#lease.release()
  }

  /** Ends the run's hold on the snapshot, without deleting it. */
  abandon (): void {
    this.#lease.stopRenewing()
  }

  /** Deletes the snapshot, and with it the whole namespace if that is wanted. */
  async delete (options: { withNamespace: boolean }): Promise<void> {
    await this.#lease.delete(options)
  }
}

/** An object without the fields that the API server and its controllers add. */
export function asApplied ({ status, metadata, ...object }: KubeObject): KubeObject {
  const { uid, resourceVersion, creationTimestamp, generation, managedFields, ...kept } = metadata
  const annotations = Object.entries(metadata['annotations'] ?? {})
    .filter(([name]) => name !== 'deployment.kubernetes.io/revision')
  const applied = annotations.length > 0 ? Object.fromEntries(annotations) : undefined
  return { ...object, metadata: { ...kept, annotations: applied } } as KubeObject
}

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  op: 'add' | 'remove'
  path: string
  value?: unknown
}

/**
 * The JSON patch that turns one object into another. It replaces whole fields.
 *
 * `kubectl replace` would do the same, but it also rewrites the annotation that `kubectl apply` compares with. The
 * user's next apply would then take every value in the cluster, such as a number of replicas, for one of their file.
 */
export function difference (from: KubeObject, to: KubeObject): PatchOperation[] {
  const operations = (a: Record<string, unknown>, b: Record<string, unknown>, path: string): PatchOperation[] => {
    const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])]
    return fields.filter(field => !isDeepStrictEqual(a[field], b[field])).map(field => b[field] === undefined
      ? { op: 'remove', path: `${path}/${field}` }
      : { op: 'add', path: `${path}/${field}`, value: b[field] })
  }
  const { metadata: before, ...rest } = from
  const { metadata: after, ...wanted } = to
  return [...operations(before, after, '/metadata'), ...operations(rest, wanted, '')]
}

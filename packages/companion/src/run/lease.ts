import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Trouble } from '../cluster/errors.ts'
import { KubectlError, type Kubectl, type KubeObject } from '../cluster/kubectl.ts'
import { until } from '../cluster/until.ts'

/** The Secret that holds the lease. It is a Secret since the recorded objects can contain secrets. */
export const SECRET = 'outfitters-companion'

/** How often a run renews its lease, and after which time without renewal it has expired, in milliseconds. */
const RENEW_INTERVAL = 5000
const EXPIRES_AFTER = 4 * RENEW_INTERVAL

/** The process that holds a lease. */
interface Holder {
  id: string
  host: string
  pid: number
}

/** A lease as it is in the cluster; the values of `data` are in base64. */
type LeaseSecret = KubeObject & {
  metadata: { resourceVersion: string }
  data: { holder?: string, entries: string }
}

/** What a lease needs from its run. */
export interface LeaseOptions {
  /** called with a remark for the user */
  note: (text: string) => void
}

/**
 * The right of one run to change the namespace, with the record of what was there before. Both are in one Secret: the
 * record is in the cluster before anything is changed, so another run, even on another machine, can restore the
 * namespace after this process was killed. The holder renews the lease every few seconds. Others compare only the
 * versions of the Secret, so it does not matter whose clock is wrong.
 */
export class Lease<Entries> {
  /** kubectl for work that must be finished: only the loss of the lease ends it, Ctrl-C does not. */
  readonly kubectl: Kubectl
  readonly entries: Entries
  readonly #holder: Holder = { id: randomUUID(), host: hostname(), pid: process.pid }
  readonly #lost = new AbortController()
  #isHeld = true
  #version: string | undefined
  #writes: Promise<void> = Promise.resolve()
  #renewal: NodeJS.Timeout | undefined

  private constructor (kubectl: Kubectl, entries: Entries, version?: string) {
    this.kubectl = kubectl.with({ signal: this.#lost.signal })
    this.entries = entries
    this.#version = version
  }

  /**
   * Takes over the lease that an earlier run left in the namespace, if there is one.
   *
   * @throws {Trouble} when that run is still at work
   */
  static async takeOver<Entries> (kubectl: Kubectl, options: LeaseOptions): Promise<Lease<Entries> | undefined> {
    const found = await waitForExpiry(kubectl, options)
    if (found === undefined) return undefined
    const lease = new Lease(kubectl, decoded<Entries>(found.data.entries), found.metadata.resourceVersion)
    await lease.#hold()
    return lease
  }

  /**
   * Acquires a new lease.
   *
   * @throws {Trouble} when another run has just acquired one
   */
  static async acquire<Entries> (kubectl: Kubectl, entries: Entries): Promise<Lease<Entries>> {
    const lease = new Lease(kubectl, entries)
    await lease.#hold()
    return lease
  }

  /** Aborted when another run has taken the lease over. The reason is the error to report; nothing may be changed. */
  get lost (): AbortSignal {
    return this.#lost.signal
  }

  /** Writes the entries into the cluster. Writes do not overlap, and keep their order. */
  async save (): Promise<void> {
    await this.#write(this.kubectl)
  }

  /** Gives the lease up and leaves its entries for a later run, or for --reset. */
  async release (): Promise<void> {
    this.stopRenewing()
    this.#isHeld = false
    await this.save()
  }

  /** Lets the lease expire. */
  stopRenewing (): void {
    clearInterval(this.#renewal)
  }

  /** Deletes the lease with its entries, and with the whole namespace if that is wanted. */
  async delete ({ withNamespace }: { withNamespace: boolean }): Promise<void> {
    this.stopRenewing()
    await this.#writes
    await this.kubectl.run(withNamespace
      ? ['delete', 'namespace', this.kubectl.namespace, '--wait=false']
      : ['delete', 'secret', SECRET, '--ignore-not-found'])
  }

  async #hold (): Promise<void> {
    await this.save()
    const quiet = this.kubectl.with({ announce: () => {} }) // readers have nothing to learn from a renewal
    const renew = () => { this.#write(quiet).catch(() => {}) } // the next renewal may succeed
    this.#renewal = setInterval(renew, RENEW_INTERVAL).unref()
  }

  #write (kubectl: Kubectl): Promise<void> {
    const write = this.#writes.then(() => this.#send(kubectl))
    this.#writes = write.catch(() => {})
    return write
  }

  async #send (kubectl: Kubectl, isRepeated = false): Promise<void> {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: SECRET, ...(this.#version !== undefined && { resourceVersion: this.#version }) },
      stringData: {
        ...(this.#isHeld && { holder: JSON.stringify(this.#holder) }),
        beat: new Date().toISOString(), // so that each renewal changes the version
        entries: JSON.stringify(this.entries)
      }
    }
    const verb = this.#version === undefined ? 'create' : 'replace'
    const args = [verb, '-f', '-', '-o', 'jsonpath={.metadata.resourceVersion}']
    try {
      const input = { text: JSON.stringify(secret), is: `what was there before, in Secret ${SECRET}` }
      this.#version = await kubectl.run(args, input)
    } catch (error) {
      if (!(error instanceof KubectlError) || !/AlreadyExists|Conflict|NotFound/.test(error.message)) throw error
      const found = await readLease(kubectl)
      if (isRepeated || found === undefined || holderOf(found)?.id !== this.#holder.id) throw this.#lose(found)
      this.#version = found.metadata.resourceVersion // our last write succeeded, but its answer did not reach us
      await this.#send(kubectl, true)
    }
  }

  #lose (found: LeaseSecret | undefined): Trouble {
    this.stopRenewing()
    const trouble = conflictTrouble(this.kubectl.namespace, found && holderOf(found))
    this.#lost.abort(trouble)
    return trouble
  }
}

/**
 * Waits until it is certain that no run holds the lease in the namespace.
 *
 * @returns the lease, if it is still there
 * @throws {Trouble} when its holder renews it
 */
async function waitForExpiry (kubectl: Kubectl, { note }: LeaseOptions): Promise<LeaseSecret | undefined> {
  const found = await readLease(kubectl)
  const holder = found && holderOf(found)
  if (found === undefined || holder === undefined) return found
  if (holder.host === hostname() && !isAlive(holder.pid)) return found

  note(`Process ${holder.pid} on ${holder.host} started exercises in namespace ${kubectl.namespace}. ` +
    `Checking for ${EXPIRES_AFTER / 1000} s whether it is still running.`)
  const isGone = async () => {
    const now = await readLease(kubectl)
    if (now === undefined) return true
    if (now.metadata.resourceVersion === found.metadata.resourceVersion) return false
    throw conflictTrouble(kubectl.namespace, holderOf(now))
  }
  const options = { timeout: EXPIRES_AFTER, interval: 1000, delay: 1000, signal: kubectl.signal }
  return await until(isGone, options) ? undefined : found
}

/** The lease in kubectl's namespace. */
export async function readLease (kubectl: Kubectl): Promise<LeaseSecret | undefined> {
  return (await kubectl.objects(['secret', SECRET]) as LeaseSecret[])[0]
}

const holderOf = ({ data: { holder } }: LeaseSecret) => holder === undefined ? undefined : decoded<Holder>(holder)

const decoded = <T>(base64: string) => JSON.parse(Buffer.from(base64, 'base64').toString()) as T

function conflictTrouble (namespace: string, holder: Holder | undefined): Trouble {
  const who = holder === undefined ? '' : `: process ${holder.pid} on ${holder.host}`
  return new Trouble(`Another run is at work in namespace ${namespace}${who}.`,
    'Wait until it has ended, or use a namespace of your own: --namespace NAME')
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChaosScript } from '../cluster/chaos.ts'
import type { CommandResult } from '../cluster/command.ts'
import type { IngressGateway } from '../cluster/gateway.ts'
import { configuredSource, imagesFrom, workingImages, type Images } from '../cluster/images.ts'
import { KubectlError, type CommandKind, type Kubectl, type KubeObject } from '../cluster/kubectl.ts'
import { deploymentsOf, isAsApplied, keyOf, namespaceOf, readManifest, type Manifest } from '../cluster/manifests.ts'
import { managerFor } from '../cluster/namespace.ts'
import { allSettled } from '../cluster/settled.ts'
import { requireAddon, requireFreeHost, type ClockOffset } from '../cluster/preflight.ts'
import { requireIstioVersion, explainRefusal, type Version } from '../cluster/versions.ts'
import {
  hasReadyPods, isReady, isRolledOut, ofOwners, PORTS, requireProxies, waitForPod, waitForRollout, type Pod
} from '../cluster/workloads.ts'
import { NEEDS, type Apply, type Exercise, type Need, type Run, type Step } from '../course/exercise.ts'
import { fillPlaceholders, valuesForRun } from '../course/placeholders.ts'
import { fileFor, type Api } from '../course/twins.ts'
import { Cleanup, type Present } from './cleanup.ts'
import { GatewayAccess } from './gateway-access.ts'
import type { Reporter } from './reporter.ts'
import { FOLDER_PREFIX, type Snapshot } from './snapshot.ts'

interface GatewayObject extends KubeObject {
  spec: { servers: { port: { number: number }, hosts: string[] }[] }
}

const gatewaysOf = (group: string, objects: KubeObject[]) =>
  objects.filter(({ kind, apiVersion }) => kind === 'Gateway' && apiVersion.startsWith(`${group}/`))

/** The hosts, with their ports, that the Gateways among these objects claim at the ingress gateway. */
const claimsOf = (objects: KubeObject[]) => (gatewaysOf('networking.istio.io', objects) as GatewayObject[])
  .flatMap(({ spec }) => spec.servers)
  .flatMap(({ port, hosts }) => hosts.map(host => ({ host, port: port.number })))

/** kubectl has merge rules of its own for the store's kinds. Otherwise it spends a second on the cluster's schemas. */
const QUICK_APPLY = ['--openapi-patch=false']

const podsIn = (present: Present) => [...present.values()].filter(({ kind }) => kind === 'Pod') as Pod[]

/** Where exercises run, and with what. */
export interface EnvironmentOptions {
  kubectl: Kubectl
  snapshot: Snapshot
  report: Reporter
  /** replaces the host `*`, and the domain of the other hosts */
  host?: string | undefined
  api: Api
  /** the mesh's ingress gateway; undefined if no exercise uses it */
  ingress: IngressGateway | undefined
  /** undefined if it is unknown */
  istio: Version | undefined
  /** how long to wait for the gateway, in milliseconds */
  patience: number
  clock: ClockOffset
}

/** The namespace in which exercises run, with everything that they need there. */
export class Environment {
  readonly kubectl: Kubectl
  readonly report: Reporter
  readonly clock: ClockOffset
  readonly gateway: GatewayAccess
  readonly #snapshot: Snapshot
  readonly #cleanup: Cleanup
  readonly #host: string | undefined
  readonly #patience: number
  readonly #api: Api
  readonly #ingress: IngressGateway | undefined
  readonly #istio: Version | undefined
  readonly #manifests = new Map<string, Promise<Manifest>>()
  readonly #addons = new Set<Need>()
  /** the Deployments and Pods that the last steps have deployed or changed, and nothing has waited for yet */
  readonly #rollouts = new Set<string>()
  readonly #pods = new Set<string>()
  /** by service: the images that differ from those in the manifests */
  #images: Promise<Images> | undefined
  #folder: string | undefined

  constructor ({ kubectl, snapshot, report, host, api, ingress, istio, patience, clock }: EnvironmentOptions) {
    this.kubectl = kubectl
    this.report = report
    this.clock = clock
    this.gateway = new GatewayAccess({ kubectl, api, ingress, host, fill: text => this.fill(text) })
    this.#snapshot = snapshot
    this.#cleanup = new Cleanup(kubectl, snapshot)
    this.#host = host
    this.#patience = patience
    this.#api = api
    this.#ingress = ingress
    this.#istio = istio
  }

  /** Whether the cluster had an istiod when the run began. */
  get hasIstiod (): boolean {
    return this.#istio !== undefined
  }

  /** The folder with the keys and tokens of the exercise; undefined until a command needs it. */
  get folder (): string | undefined {
    return this.#folder
  }

  /**
   * Removes what an exercise does not need, applies what it needs, and makes sure that it works. What exists
   * already, unchanged and working, is not applied again.
   *
   * @throws {Trouble} when an add-on is missing, or the gateway does not lead here
   * @throws {Error} when the cluster's Istio is too old for the exercise
   */
  async prepare (exercise: Pick<Exercise, 'needs' | 'istio' | 'steps'>): Promise<void> {
    const { needs, istio, steps } = exercise
    this.#removeFolder()
    this.#rollouts.clear() // an exercise that ended early may have left some
    this.#pods.clear()
    if (istio !== undefined) requireIstioVersion(istio, this.#istio)
    await Promise.all(needs.map(need => this.#requireAddon(need)))

    const files = needs.flatMap(need => NEEDS[need].file ?? [])
    const manifests = await Promise.all(files.map(file => this.#manifest(file)))
    const wanted = new Set(manifests.flatMap(({ objects }) => objects.map(object => this.#key(object))))
    this.gateway.forgetOwnUnlessIn([...wanted])
    const { present, waitUntilForgotten } =
      await this.#cleanup.removeExcept(wanted, await this.#keysChangedBy(steps))
    const [deployed] = await allSettled([
      allSettled(files.map(file => this.#ensureApplied(file, present))),
      waitUntilForgotten()
    ])
    if (!needs.includes('gateway')) return
    await this.gateway.requireRouteHere(this.#patience, deployed.some(Boolean) ? undefined : podsIn(present))
  }

  /** Looks for an add-on until it was found once in a run. */
  async #requireAddon (need: Need): Promise<void> {
    if (this.#addons.has(need)) return
    await requireAddon(this.kubectl, need, NEEDS[need])
    this.#addons.add(need)
  }

  /** The keys of the objects that steps are going to apply or change, so that they are all recorded at once. */
  async #keysChangedBy (steps: Step[]): Promise<string[]> {
    const keys = steps.map(async step => {
      if (step.kind === 'apply') return (await this.#manifest(step.file)).objects.map(object => this.#key(object))
      return step.kind === 'run' ? this.#keysOf(step) : []
    })
    return (await Promise.all(keys)).flat()
  }

  #keysOf ({ makes }: Pick<Run, 'makes'>): string[] {
    return makes.map(key => this.fill(key.startsWith(':') ? this.kubectl.namespace + key : key))
  }

  /**
   * Applies a file, unless that would change nothing and everything in it works.
   *
   * @returns whether it was applied
   */
  async #ensureApplied (file: string, present: Present): Promise<boolean> {
    const { objects } = await this.#manifest(file)
    const isReplaced = await this.#cleanup.replaceDiffering(objects, file, present)
    const pods = podsIn(present)
    const works = (object: KubeObject) => {
      const found = present.get(this.#key(object))
      if (found === undefined || !isAsApplied(object, found)) return false
      if (found.kind === 'Deployment') return isRolledOut(found) && hasReadyPods(found, pods)
      return found.kind === 'Pod' ? isReady(found) : gatewaysOf('gateway.networking.k8s.io', [object]).length === 0
    }
    if (!isReplaced && objects.every(works)) {
      requireProxies(this.kubectl, ofOwners(pods, deploymentsOf(objects)))
      return false
    }
    await this.apply({ file }, 'upkeep')
    return true
  }

  /**
   * Applies a file or folder beneath k8s/. `waitForRollouts` waits for what it deploys, except in the preparation of an
   * exercise, which waits immediately.
   *
   * @throws {Trouble} when another namespace claims one of its hosts, or a Gateway has no proxy
   * @throws {Error} when the cluster is too old for the file
   */
  async apply ({ file, values }: Pick<Apply, 'file'> & Partial<Apply>, kind: CommandKind = 'lesson'): Promise<void> {
    const { objects, namespace, args, input } = await this.#manifest(file, values)
    await Promise.all(claimsOf(objects).map(claim =>
      // Exercises that use other hosts can go on.
      requireFreeHost(this.kubectl, this.gateway.current, { ...claim, ends: 'exercise' })))
    await this.#cleanup.markApplied(objects.map(object => this.#key(object)))

    const there = this.kubectl.in(namespace)
    const options = [...this.#fieldManager(namespace), ...kind === 'upkeep' ? QUICK_APPLY : []]
    const printed = await there.run(['apply', ...args, ...options], input, kind)
      .catch((error: unknown) => { throw this.#explained(error, file) })
    if (kind === 'lesson') this.report.output(printed)
    await this.#waitForGateways(objects)
    for (const name of deploymentsOf(objects)) this.#rollouts.add(name)
    for (const { metadata } of objects.filter(object => object.kind === 'Pod')) this.#pods.add(metadata.name)
    if (kind === 'upkeep') await this.waitForRollouts(kind)
  }

  /**
   * Waits for the Deployments and Pods of the last steps, for all of them in parallel.
   *
   * @throws {Trouble} when something does not start, or has no proxy
   */
  async waitForRollouts (kind: CommandKind = 'lesson'): Promise<void> {
    const [deployments, pods] = [[...this.#rollouts], [...this.#pods]]
    this.#rollouts.clear()
    this.#pods.clear()
    const [ofDeployments] = await Promise.all([
      deployments.length === 0 ? [] : waitForRollout(this.kubectl, deployments, kind),
      ...pods.map(name => waitForPod(this.kubectl, name))
    ])
    requireProxies(this.kubectl, ofDeployments)
  }

  /** The error of kubectl apply, or why this cluster is too old for the file. */
  #explained (error: unknown, file: string): unknown {
    if (!(error instanceof KubectlError)) return error
    const reason = explainRefusal(error.message, fileFor(file, this.#api), this.#istio)
    return reason === undefined ? error : new Error(reason, { cause: error })
  }

  async #waitForGateways (objects: KubeObject[]): Promise<void> {
    for (const { metadata: { name } } of gatewaysOf('gateway.networking.k8s.io', objects)) {
      this.gateway.useOwn(name)
      const gateway = `gateways.gateway.networking.k8s.io/${name}`
      await this.kubectl.run(['wait', '--for=condition=Programmed', gateway, '--timeout=60s'])
      await waitForRollout(this.kubectl, [`${name}-istio`])
    }
  }

  /**
   * Runs a command that changes something. `waitForRollouts` waits for the Deployments that it changes.
   *
   * @throws {Error} when it does not end with 0
   */
  async runCommand ({ command, makes }: Pick<Run, 'command' | 'makes'>): Promise<void> {
    if (command.some(word => word.includes('FOLDER'))) await this.#ensureFolder()
    const keys = this.#keysOf({ makes })
    await this.#cleanup.markApplied(keys)
    this.#cleanup.markChanged(keys)
    const words = command.map(word => this.fill(word))
    if (words.includes('create')) await this.#cleanup.deleteOriginals(keys)
    if (words[0] === 'kubectl') words.push(...keys.flatMap(key => this.#fieldManager(namespaceOf(key))).slice(0, 1))
    const { code, stdout, stderr } = await this.execute(words)
    this.report.output(stdout + stderr)
    if (code !== 0) throw new Error(`${words.join(' ')} ended with exit code ${code}: ${stderr.trim()}`)
    const deployments = makes.flatMap(key => /^:deployment\.apps\/(.*)$/.exec(key)?.[1] ?? [])
    for (const name of deployments) this.#rollouts.add(name)
  }

  /**
   * Runs scripts/chaos.sh. The next exercise deletes the faults that it sets.
   *
   * @throws {Error} when the script fails
   */
  setFault (words: string[]): Promise<CommandResult> {
    this.#cleanup.markFaults()
    return runChaosScript(this.kubectl, words, 'lesson')
  }

  /** Runs a command of the lesson to its end. kubectl uses the exercise's namespace unless the command names one. */
  execute ([name = '', ...args]: string[]): Promise<CommandResult> {
    return name === 'kubectl' && args[0] !== '-n'
      ? this.kubectl.try(args, undefined, 'lesson')
      : this.kubectl.shell(name, args, 'lesson')
  }

  /**
   * Replaces the placeholders in a text.
   *
   * @param since when the last load began, in microseconds
   * @throws {Error} when a placeholder is unknown, or its value is not known yet
   */
  fill (text: string, since?: number): string {
    const { namespace } = this.kubectl
    const values = { namespace, gateway: this.gateway.names, folder: this.#folder, since, host: this.#host }
    return fillPlaceholders(text, valuesForRun(values))
  }

  /** Inserts the content of files as a shell would: `Bearer $(cat FOLDER/token)`. */
  expand (text: string): string {
    return text.replace(/\$\(cat ([^)]+)\)/g, (_, file: string) => readFileSync(this.fill(file), 'utf8').trim())
  }

  /** Closes all connections. The folder stays if the user goes on by hand. */
  async close ({ keepFolder }: { keepFolder: boolean }): Promise<void> {
    await this.gateway.close()
    if (!keepFolder) this.#removeFolder()
  }

  async #ensureFolder (): Promise<void> {
    if (this.#folder !== undefined) return
    this.#folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX))
    await this.#snapshot.saveFolder(this.#folder)
  }

  #removeFolder (): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }

  /** In a shared namespace, the field manager shows which exercises made an object: those of our namespace. */
  #fieldManager (namespace: string): string[] {
    const { namespace: own } = this.kubectl
    return namespace === own ? [] : [`--field-manager=${managerFor(own)}`]
  }

  #key (object: KubeObject): string {
    return keyOf(object, this.kubectl.namespace)
  }

  async #manifest (file: string, values: Record<string, string> = {}): Promise<Manifest> {
    const path = fileFor(file, this.#api)
    const images = await (this.#images ??= this.#findImages())
    const options = { host: this.#host, gateway: this.#ingress, images }
    if (Object.keys(values).length > 0) {
      const filled = Object.entries(values).map(([word, file]) => [word, this.fill(file)])
      return await readManifest(this.kubectl, path, { ...options, values: Object.fromEntries(filled) })
    }
    const read = this.#manifests.get(path) ?? readManifest(this.kubectl, path, options)
    this.#manifests.set(path, read)
    return await read
  }

  /** The images of OUTFITTERS_IMAGES. Without that setting, the images that already work in this namespace. */
  async #findImages (): Promise<Images> {
    const source = configuredSource()
    if (source !== undefined) return imagesFrom(source)
    if (this.#snapshot.images !== undefined) return this.#snapshot.images
    const images = await workingImages(this.kubectl, PORTS)
    if (Object.keys(images).length === 0) return images
    this.report.note(`The store keeps the images that run in this namespace: ${Object.values(images).join(', ')}`)
    await this.#snapshot.saveImages(images)
    return images
  }
}

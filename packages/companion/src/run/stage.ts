import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runChaosScript, clearFaults } from '../cluster/chaos.ts'
import type { CommandResult } from '../cluster/command.ts'
import { NEEDS, type Apply, type Exercise, type Load, type Need, type Run } from '../course/exercise.ts'
import { statusCommand, openGateway, STATUS_PORT, type Endpoint, type IngressGateway } from '../cluster/gateway.ts'
import { configuredSource, imagesFrom, workingImages, type Images } from '../cluster/images.ts'
import { KubectlError, type CommandKind, type Kubectl, type KubeObject } from '../cluster/kubectl.ts'
import { PREFIX, type Ledger } from './ledger.ts'
import { sendBurst, type Address, type Call } from '../judge/load.ts'
import { DOMAIN, asList, deploymentsOf, inEach, isAnother, keyOf, manifest, nameOf, namespaceOf, type Manifest } from '../cluster/manifests.ts'
import { managerFor } from '../cluster/namespace.ts'
import { openProbe, type Probe } from '../judge/noise.ts'
import { hostIsFree } from '../cluster/preflight.ts'
import type { Reporter } from './reporter.ts'
import { Trouble } from '../cluster/errors.ts'
import { fileFor, type Api } from '../course/twins.ts'
import { requireIstioVersion, settings, explainRefusal, type Version } from '../cluster/versions.ts'
import { gone, podReady, podsOf, PORTS, proxied, rolledOut } from '../cluster/workloads.ts'

/** The categories of what could change what an exercise sees: all that Istio and the Gateway API define. */
const ISTIO = 'istio-io'
const GATEWAY_API = 'gateway-api'

const gatewaysOf = (group: string, objects: KubeObject[]) => objects.filter(({ kind, apiVersion }) => kind === 'Gateway' && apiVersion.startsWith(`${group}/`))

/** The hosts, with their ports, that Gateways among these claim at the ingress gateway. */
const claimsOf = (objects: KubeObject[]) => gatewaysOf('networking.istio.io', objects)
  .flatMap(object => (object as unknown as { spec: { servers: { port: { number: number }, hosts: string[] }[] } }).spec.servers)
  .flatMap(({ port, hosts }) => hosts.map(host => [host, port.number] as const))

const labelsOfPods = (deployment: KubeObject) => (deployment as unknown as { spec: { template: { metadata?: { labels?: Record<string, string> } } } }).spec.template.metadata?.labels ?? {}

/** How a Service's eyes see it: by the labels of its Pods. */
const isOfStore = (deployment: KubeObject) => (labelsOfPods(deployment)['app'] ?? '') in PORTS

/** Whether a Deployment wants no proxies. */
const optsOut = (object: KubeObject) => object.kind === 'Deployment' && labelsOfPods(object)['sidecar.istio.io/inject'] === 'false'

/** Kinds of which a reader's may have what `kubectl apply` leaves alone: another variable, another selector. */
const REPLACED = ['Deployment', 'Pod', 'Service']

export interface StageOptions {
  kubectl: Kubectl
  ledger: Ledger
  report: Reporter
  host?: string | undefined
  api: Api
  /** the mesh's ingress gateway; undefined if no exercise uses it */
  ingress: IngressGateway | undefined
  /** undefined if it is unknown */
  istio: Version | undefined
  /** milliseconds that are waited for the gateway */
  patience: number
  clock: Stage['clock']
}

/** The namespace in which exercises are played, and the way to it. */
export class Stage {
  readonly kubectl: Kubectl
  readonly report: Reporter
  /** between which milliseconds the cluster's clock is ahead of ours */
  readonly clock: { least: number, most: number }
  readonly #ledger: Ledger
  readonly #host: string | undefined
  readonly #patience: number
  readonly #api: Api
  readonly #ingress: IngressGateway | undefined
  readonly #istio: Version | undefined
  /** by key: what exercises have applied, and still is there */
  readonly #applied: Set<string>
  readonly #manifests = new Map<string, Promise<Manifest>>()
  /** by where it leads */
  readonly #gateways = new Map<string, Promise<Endpoint>>()
  /** the Gateway of the Gateway API that was applied last: it has a Service of its own */
  #own: string | undefined
  /** by key: what a command has changed, and `kubectl apply` would leave so */
  readonly #changed: Set<string>
  /** with the keys and tokens of the exercise, as soon as it has any */
  folder: string | undefined
  #kinds: Promise<string> | undefined
  /** by service: those that differ from the ones that the manifests name */
  #images: Promise<Images> | undefined

  constructor ({ kubectl, ledger, report, host, api, ingress, istio, patience, clock }: StageOptions) {
    this.clock = clock
    this.#api = api
    this.#ingress = ingress
    this.#istio = istio
    this.kubectl = kubectl
    this.report = report
    this.#ledger = ledger
    this.#host = host
    this.#patience = patience
    this.#applied = new Set(ledger.ours)
    this.#changed = new Set(ledger.ours) // what a run before this one has done with them nobody knows
  }

  /** Removes whatever an exercise does not need, applies what it does, and makes sure that it works. */
  async set ({ needs, istio }: Pick<Exercise, 'needs' | 'istio'>): Promise<void> {
    this.#removeFolder()
    if (istio !== undefined) requireIstioVersion(istio, this.#istio)
    await this.#addonsAreThere(needs)
    const files = needs.flatMap(need => NEEDS[need].file ?? [])
    const wanted = await Promise.all(files.map(file => this.#manifest(file)))
    await this.#clear(new Set(wanted.flatMap(({ objects }) => objects.map(object => this.#key(object)))))
    for (const file of files) {
      await this.#asWritten(file)
      await this.apply({ file }, 'upkeep')
    }
    if (needs.includes('gateway')) await this.#gatewayLeadsHere()
  }

  async #addonsAreThere (needs: Need[]): Promise<void> {
    for (const need of needs) {
      const { addon, provider } = NEEDS[need]
      const system = this.kubectl.in('istio-system')
      if (addon !== undefined && (await system.objects(['service', addon])).length === 0) {
        throw new Error(`There is no ${need} in istio-system: kubectl apply -f https://raw.githubusercontent.com/istio/istio/release-${settings['ISTIO_VERSION']}/samples/addons/${need}.yaml`)
      }
      if (provider === undefined) continue
      const { code, stdout } = await system.try(['get', 'configmaps', '-o', 'jsonpath={.items[*].data.mesh}']) // of each revision
      if (code === 0 && !new RegExp(`\\bname: "?${provider}(?![-\\w])`).test(stdout)) {
        throw new Error(`The mesh's configuration has no extensionProvider ${provider}. Istio's profile demo has it; elsewhere: kubectl -n istio-system edit configmap istio, and beneath extensionProviders write ` +
          `- {name: ${provider}, opentelemetry: {service: jaeger-collector.istio-system.svc.cluster.local, port: 4317}}`)
      }
    }
  }

  /** Applies a file or folder beneath k8s/, and waits for what it deploys. */
  async apply ({ file, values = {} }: Pick<Apply, 'file'> & Partial<Apply>, kind: CommandKind = 'lesson'): Promise<void> {
    const { objects, namespace, args, input } = await this.#manifest(file, values)
    for (const [host, port] of claimsOf(objects)) await hostIsFree(this.kubectl, this.#gateway, host, port).catch((error: Error) => { throw new Error(error.message) }) // the exercises that do not use that host go on
    await this.#takes(objects.map(object => this.#key(object)))
    const said = await this.kubectl.in(namespace).run(['apply', ...args, ...this.#signed(namespace)], input, kind).catch((error: unknown) => {
      const reason = error instanceof KubectlError ? explainRefusal(error.message, fileFor(file, this.#api), this.#istio) : undefined
      throw reason === undefined ? error : new Error(reason, { cause: error })
    })
    if (kind === 'lesson') this.report.output(said)
    const deployments = deploymentsOf(objects)
    if (deployments.length > 0) {
      await rolledOut(this.kubectl, deployments, kind)
      await proxied(this.kubectl, deploymentsOf(objects.filter(object => !optsOut(object))))
    }
    for (const { metadata } of gatewaysOf('gateway.networking.k8s.io', objects)) {
      this.#own = metadata.name
      await this.kubectl.run(['wait', '--for=condition=Programmed', `gateways.gateway.networking.k8s.io/${metadata.name}`, '--timeout=60s'])
      await rolledOut(this.kubectl, [`${metadata.name}-istio`])
    }
    for (const { metadata } of objects.filter(object => object.kind === 'Pod')) await podReady(this.kubectl, metadata.name)
  }

  /** Runs a command that changes something, and waits for the Deployments among that. */
  async run ({ command, makes }: Pick<Run, 'command' | 'makes'>): Promise<void> {
    if (this.folder === undefined && command.some(word => word.includes('FOLDER'))) {
      this.folder = mkdtempSync(join(tmpdir(), PREFIX))
      await this.#ledger.owns(this.folder)
    }
    const keys = makes.map(key => this.filled(key.startsWith(':') ? this.kubectl.namespace + key : key))
    await this.#takes(keys)
    for (const key of keys) this.#changed.add(key)
    const words = command.map(word => this.filled(word))
    if (words.includes('create')) await this.#delete(keys.filter(key => this.#ledger.has(key))) // it takes the place of what a reader has under its name
    if (words[0] === 'kubectl') words.push(...keys.flatMap(key => this.#signed(namespaceOf(key))).slice(0, 1))
    const { code, stdout, stderr } = await this.command(words)
    this.report.output(stdout + stderr)
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${stderr.trim()}`)
    const deployments = makes.flatMap(key => /^:deployment\.apps\/(.*)$/.exec(key)?.[1] ?? [])
    if (deployments.length > 0) await rolledOut(this.kubectl, deployments)
  }

  /** Any command of the lesson; kubectl's is about the exercise's namespace where it names none. */
  command ([name = '', ...args]: string[]): Promise<CommandResult> {
    return name === 'kubectl' && args[0] !== '-n' ? this.kubectl.try(args, undefined, 'lesson') : this.kubectl.shell(name, args, 'lesson')
  }

  /** A word with what stands for things that are known only now. */
  filled (word: string): string {
    return (word.includes('GATEWAY') ? this.#withGateway(word) : word).replaceAll('NAMESPACE', this.kubectl.namespace)
      .replaceAll('FOLDER', this.folder ?? 'FOLDER').replaceAll(DOMAIN, this.#host ?? DOMAIN)
  }

  #withGateway (word: string): string {
    if (this.#api === 'gateway') word = word.replaceAll('GATEWAYS', this.kubectl.namespace) // it can be needed before there is a Gateway
    if (!word.includes('GATEWAY')) return word
    const { namespace, workload, labels } = this.#gateway
    return word.replaceAll('GATEWAYS', namespace).replaceAll('GATEWAY_APP', labels['app'] ?? workload.replace(/^.*\//, '')).replaceAll('deploy/GATEWAY', workload)
  }

  /** The gateway's service name in traces; empty if no exercise uses a gateway. */
  get gatewayInTraces (): string {
    return this.#own === undefined && this.#ingress === undefined ? '' : this.filled('GATEWAY_APP.GATEWAYS')
  }

  /** The same with what is in files, as a shell would: `Bearer $(cat FOLDER/token)`. */
  expanded (text: string): string {
    return text.replace(/\$\(cat ([^)]+)\)/g, (_, file: string) => readFileSync(this.filled(file), 'utf8').trim())
  }

  /** How it is known whose objects in a namespace are that others use as well. */
  #signed (namespace: string): string[] {
    return namespace === this.kubectl.namespace ? [] : [`--field-manager=${managerFor(this.kubectl.namespace)}`]
  }

  async #delete (keys: string[]): Promise<void> {
    await inEach(this.kubectl, keys, (kubectl, some) => kubectl.run(['delete', ...some.map(nameOf), '--ignore-not-found']))
  }

  /** Makes these objects the exercise's. */
  async #takes (keys: string[]): Promise<void> {
    await this.#ledger.remember(keys)
    for (const key of keys) this.#applied.add(key)
  }

  /** Replaces what a reader has under these names, and what a command of an exercise has changed. */
  async #asWritten (path: string): Promise<void> {
    const { objects } = await this.#manifest(path)
    await this.#ledger.remember(objects.map(object => this.#key(object)))
    const theirs = objects.filter(object => REPLACED.includes(object.kind) && (this.#ledger.has(this.#key(object)) || this.#changed.has(this.#key(object))))
    if (theirs.length === 0) return
    const present = new Map((await this.kubectl.objects(theirs.map(object => nameOf(this.#key(object))))).map(object => [this.#key(object), object])) // an exercise before this one may have done without it
    const there = theirs.filter(object => present.has(this.#key(object)))
    for (const [anew, list] of Map.groupBy(there, object => isAnother(object, present.get(this.#key(object)) as KubeObject))) {
      await this.kubectl.run(['replace', '--save-config', ...anew ? ['--force', '--cascade=foreground', '--wait'] : [], '-f', '-'], { text: asList(list), is: `${list.map(object => nameOf(this.#key(object))).join(' ')} of k8s/${path}` })
      for (const object of list) this.#changed.delete(this.#key(object))
    }
  }

  /** scripts/chaos.sh, as a part of the lesson. */
  async chaos (args: string[]): Promise<void> {
    const { stdout, stderr } = await runChaosScript(this.kubectl, args, 'lesson')
    this.report.output(stderr + stdout)
  }

  /** Where a path is at the ingress gateway, and how it is asked for. */
  async address ({ path, method = 'GET', headers = {}, body, host, tls }: Pick<Load, 'path'> & Partial<Load>): Promise<Address> {
    const port = tls === undefined ? 80 : 443
    const where = `${this.#own ?? ''}:${port}`
    const gateway = this.#gateways.get(where) ?? openGateway(this.kubectl, this.#gateway, { port })
    this.#gateways.set(where, gateway)
    const { origin } = await gateway
    const name = host === undefined ? this.#host : this.filled(host)
    const read = (path: string | undefined) => path === undefined ? undefined : readFileSync(this.filled(path), 'utf8')
    return {
      url: origin + path,
      method,
      body,
      headers: { ...headers, ...(name !== undefined && { host: name }) },
      ...(tls !== undefined && { tls: { servername: name as string, ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) } })
    }
  }

  /** How to ask the gateway's status port, which no lesson affects; undefined if there is no way to it. */
  async statusProbe (): Promise<{ probe: Probe, close: () => void } | undefined> {
    try {
      const gateway = await openGateway(this.kubectl, this.#gateway, { port: STATUS_PORT })
      const { probe, close } = openProbe(`${gateway.origin}/healthz/ready`)
      return { probe, close: () => { close(); gateway.close() } }
    } catch {
      return undefined // not allowed, or a gateway without such a port: then only our own timers show how busy the machine is
    }
  }

  /** The gateway through which the exercise goes: the mesh's, or that of its own Gateway. */
  get #gateway (): Pick<IngressGateway, 'namespace' | 'service' | 'workload' | 'labels'> {
    if (this.#own !== undefined) return { namespace: this.kubectl.namespace, service: `${this.#own}-istio`, workload: `deployment/${this.#own}-istio`, labels: {} }
    if (this.#ingress === undefined) throw new Error('There is no gateway through which requests could go: no Gateway has been applied.')
    return this.#ingress
  }

  /** A Gateway of the Gateway API has gone, and its Service with it. */
  #forgetOwn (): void {
    for (const [where, gateway] of this.#gateways) {
      if (where.startsWith(':')) continue
      gateway.then(({ close }) => close(), () => {})
      this.#gateways.delete(where)
    }
    this.#own = undefined
  }

  /** @param keep leaves the folder for a reader who goes on by hand */
  async close (keep: boolean): Promise<void> {
    for (const gateway of this.#gateways.values()) await gateway.then(({ close }) => close(), () => {})
    if (!keep) this.#removeFolder()
  }

  #removeFolder (): void {
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true })
    this.folder = undefined
  }

  /** What is not wanted: of Istio, of the store, and of what exercises have applied. */
  async #clear (wanted: Set<string>): Promise<void> {
    this.#kinds ??= this.kubectl.tryCluster(['api-resources', `--categories=${GATEWAY_API}`, '--namespaced', '-o', 'name']).then(({ stdout }) => [ISTIO, ...stdout.split('\n').filter(Boolean)].join(',')) // a GatewayClass is everybody's
    const found = await this.kubectl.objects([await this.#kinds])
    const store = (await this.kubectl.objects(['deployments'])).filter(isOfStore)
    const leaving = store.filter(object => !wanted.has(this.#key(object))).map(({ metadata }) => metadata.name)
    const going = [...new Set([...[...found, ...store].map(object => this.#key(object)), ...this.#applied])].filter(key => !wanted.has(key))
    if (going.length > 0) {
      await this.#ledger.remember(going)
      await this.#delete(going)
      const pods = await podsOf(this.kubectl, leaving)
      if (pods.length > 0) await this.kubectl.run(['delete', 'pods', ...pods.map(({ metadata }) => metadata.name), '--grace-period=1', '--wait=false', '--ignore-not-found']) // nobody calls them any more
      for (const key of going) this.#applied.delete(key)
      if (going.some(key => nameOf(key).startsWith('gateway.gateway.networking.k8s.io/'))) this.#forgetOwn()
    }
    await gone(this.kubectl, leaving)
    await clearFaults(this.kubectl)
    await this.#proxiesHaveForgotten(going)
  }

  #key (object: KubeObject): string {
    return keyOf(object, this.kubectl.namespace)
  }

  async #manifest (file: string, values: Record<string, string> = {}): Promise<Manifest> {
    const path = fileFor(file, this.#api)
    const images = await (this.#images ??= this.#imagesHere())
    const options = { host: this.#host, gateway: this.#ingress, images }
    if (Object.keys(values).length > 0) {
      const filled = Object.entries(values).map(([word, file]) => [word, this.filled(file)])
      return manifest(this.kubectl, path, { ...options, values: Object.fromEntries(filled) })
    }
    const read = this.#manifests.get(path) ?? manifest(this.kubectl, path, options)
    this.#manifests.set(path, read)
    return read
  }

  /** The images of the setting; without it, those that work in this namespace already. */
  async #imagesHere (): Promise<Images> {
    const source = configuredSource()
    if (source !== undefined) return imagesFrom(source)
    if (this.#ledger.images !== undefined) return this.#ledger.images
    const images = await workingImages(this.kubectl, PORTS)
    if (Object.keys(images).length === 0) return images
    this.report.note(`The store keeps the images that run in this namespace: ${Object.values(images).join(', ')}`)
    await this.#ledger.keepsImages(images)
    return images
  }

  /** The webapp's proxy may still route by what has just been deleted. */
  async #proxiesHaveForgotten (keys: string[]): Promise<void> {
    const routing = keys.map(nameOf).filter(key => /^(virtualservice|destinationrule)\./.test(key)).map(key => key.replace(/\..*\//, '/').replace(/^virtualservice/, 'virtual-service').replace(/^destinationrule/, 'destination-rule'))
    const [webapp] = routing.length === 0 ? [] : await this.kubectl.pods('app=webapp')
    if (webapp === undefined) return
    const deadline = Date.now() + 10_000
    while (Date.now() < deadline) {
      const { stdout } = await this.kubectl.try(['exec', webapp, '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', 'config_dump'])
      if (!routing.some(object => stdout.includes(`/namespaces/${this.kubectl.namespace}/${object}"`))) return
      await sleep(300)
    }
  }

  /**
   * Waits until the gateway leads to the webapp of this namespace.
   *
   * @throws {Trouble} when it refuses, has no route, or leads elsewhere
   */
  async #gatewayLeadsHere (): Promise<void> {
    const address = await this.address({ path: '/api/catalog' })
    const { url } = address
    const deadline = Date.now() + this.#patience
    const pods = await this.kubectl.pods('app=catalog')
    const isHere = ({ status, pod }: Call) => status === 200 && pods.includes(pod ?? '')
    const notHere = async () => (await sendBurst(address)).find(call => !isHere(call))
    let call = await notHere()
    while (call !== undefined && Date.now() < deadline) {
      await sleep(200)
      this.kubectl.signal?.throwIfAborted()
      call = await notHere()
    }
    if (call === undefined) return

    const { namespace, workload } = this.#gateway
    if (call.status === 0) {
      throw new Trouble(`The ingress gateway at ${url} refuses: ${call.body}.`,
        `Is it running? ${statusCommand(this.#gateway)}. What does it say? kubectl -n ${namespace} logs ${workload}`)
    }
    if (call.status !== 200) {
      throw new Trouble(`The ingress gateway at ${url} answers with ${call.status}: ${call.body.slice(0, 200)}`,
        `Does it know the route? istioctl proxy-config routes ${workload} -n ${namespace}. Is anything wrong with it? istioctl analyze -n ${this.kubectl.namespace}`)
    }
    throw new Trouble(`The ingress gateway leads to somebody else's store: pod ${call.pod ?? 'without a name'} is not in namespace ${this.kubectl.namespace}.`,
      'Take a host of your own: --host NAME.example')
  }
}

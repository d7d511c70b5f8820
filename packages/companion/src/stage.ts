import { setTimeout as sleep } from 'node:timers/promises'
import { chaos, clearFaults } from './chaos.ts'
import { NEEDS, type Need } from './exercise.ts'
import { openGateway, type Gateway } from './gateway.ts'
import type { CommandKind, Kubectl, KubeObject } from './kubectl.ts'
import type { Ledger } from './ledger.ts'
import { ask, type Call } from './load.ts'
import { asList, deploymentsOf, inEach, keyOf, manifest, nameOf, type Manifest } from './manifests.ts'
import type { Reporter } from './reporter.ts'
import { Trouble } from './trouble.ts'
import { gone, podReady, PORTS, proxied, rolledOut } from './workloads.ts'

/** The categories of what could change what an exercise sees: all that Istio and the Gateway API define. */
const ISTIO = 'istio-io'
const GATEWAY_API = 'gateway-api'

/** How a Service's eyes see it: by the labels of its Pods. */
const isOfStore = (deployment: KubeObject) => (deployment as unknown as { spec: { template: { metadata?: { labels?: Record<string, string> } } } }).spec.template.metadata?.labels?.['app'] as string in PORTS

/** How kubectl replaces what a reader had under the same name. */
const REPLACING: Record<string, string[]> = { Deployment: ['--save-config'], Pod: ['--save-config', '--force', '--wait'] }

export interface StageOptions {
  kubectl: Kubectl
  ledger: Ledger
  report: Reporter
  host?: string | undefined
  /** milliseconds that are waited for the gateway */
  patience: number
}

/** Where a request goes, and with which headers. */
export interface Address {
  url: string
  headers: Record<string, string>
}

/** The namespace in which exercises are played, and the way to it. */
export class Stage {
  readonly kubectl: Kubectl
  readonly report: Reporter
  readonly #ledger: Ledger
  readonly #host: string | undefined
  readonly #patience: number
  /** by key: what exercises have applied, and still is there */
  readonly #applied: Set<string>
  readonly #manifests = new Map<string, Promise<Manifest>>()
  #gateway: Promise<Gateway> | undefined
  #categories: Promise<string> | undefined

  constructor ({ kubectl, ledger, report, host, patience }: StageOptions) {
    this.kubectl = kubectl
    this.report = report
    this.#ledger = ledger
    this.#host = host
    this.#patience = patience
    this.#applied = new Set(ledger.ours)
  }

  /** Removes whatever an exercise does not need, applies what it does, and makes sure that it works. */
  async set (needs: Need[]): Promise<void> {
    await this.#addonsAreThere(needs)
    const files = needs.flatMap(need => NEEDS[need].file ?? [])
    const wanted = await Promise.all(files.map(file => this.#manifest(file)))
    await this.#clear(new Set(wanted.flatMap(({ objects }) => objects.map(object => this.#key(object)))))
    for (const file of files) {
      await this.#asWritten(file)
      await this.apply(file, 'upkeep')
    }
    if (needs.includes('gateway')) await this.#gatewayLeadsHere()
  }

  async #addonsAreThere (needs: Need[]): Promise<void> {
    for (const need of needs) {
      const { addon } = NEEDS[need]
      if (addon === undefined || (await this.kubectl.in('istio-system').objects(['service', addon])).length > 0) continue
      throw new Error(`There is no ${need} in istio-system: kubectl apply -f https://raw.githubusercontent.com/istio/istio/release-1.31/samples/addons/${need}.yaml`)
    }
  }

  /** Applies a file or folder beneath k8s/, and waits for what it deploys. */
  async apply (path: string, kind: CommandKind = 'lesson'): Promise<void> {
    const { objects, namespace, args, input } = await this.#manifest(path)
    const keys = objects.map(object => this.#key(object))
    await this.#ledger.remember(keys)
    for (const key of keys) this.#applied.add(key)
    const said = await this.kubectl.in(namespace).run(['apply', ...args], input, kind)
    if (kind === 'lesson') this.report.output(said)
    const deployments = deploymentsOf(objects)
    if (deployments.length > 0) {
      await rolledOut(this.kubectl, deployments, kind)
      await proxied(this.kubectl, deployments)
    }
    for (const { metadata } of objects.filter(object => object.kind === 'Pod')) await podReady(this.kubectl, metadata.name)
  }

  /** A reader's Deployment or Pod may have what `kubectl apply` leaves alone, such as another variable: it is replaced. A Pod has to be made anew for that. */
  async #asWritten (path: string): Promise<void> {
    const { objects } = await this.#manifest(path)
    await this.#ledger.remember(objects.map(object => this.#key(object)))
    const theirs = objects.filter(object => object.kind in REPLACING && this.#ledger.has(this.#key(object)))
    if (theirs.length === 0) return
    const present = new Set((await this.kubectl.objects(theirs.map(object => nameOf(this.#key(object))))).map(object => this.#key(object))) // an exercise before this one may have done without it
    for (const [kind, list] of Map.groupBy(theirs.filter(object => present.has(this.#key(object))), ({ kind }) => kind)) {
      await this.kubectl.run(['replace', ...REPLACING[kind] as string[], '-f', '-'], { text: asList(list), is: `${list.map(({ metadata }) => metadata.name).join(' ')} of k8s/${path}` })
    }
  }

  /** scripts/chaos.sh, as a part of the lesson. */
  async chaos (args: string[]): Promise<void> {
    const { stdout, stderr } = await chaos(this.kubectl, args, 'lesson')
    this.report.output(stderr + stdout)
  }

  /** Where a path of the webapp is, and with which headers. */
  async address (path: string, headers: Record<string, string> = {}): Promise<Address> {
    this.#gateway ??= openGateway(this.kubectl.in('istio-system'))
    const { origin } = await this.#gateway
    return { url: origin + path, headers: { ...headers, ...(this.#host !== undefined && { host: this.#host }) } }
  }

  async close (): Promise<void> {
    await this.#gateway?.then(({ close }) => close(), () => {})
  }

  /** What is not wanted: of Istio, of the store, and of what exercises have applied. */
  async #clear (wanted: Set<string>): Promise<void> {
    this.#categories ??= this.kubectl.tryCluster(['api-resources', `--categories=${GATEWAY_API}`, '-o', 'name']).then(({ stdout }) => stdout.trim() === '' ? ISTIO : `${ISTIO},${GATEWAY_API}`)
    const found = await this.kubectl.objects([await this.#categories])
    const store = (await this.kubectl.objects(['deployments'])).filter(isOfStore)
    const going = [...new Set([...[...found, ...store].map(object => this.#key(object)), ...this.#applied])].filter(key => !wanted.has(key))
    if (going.length > 0) {
      await this.#ledger.remember(going)
      await inEach(this.kubectl, going, (kubectl, keys) => kubectl.run(['delete', ...keys.map(nameOf), '--ignore-not-found']))
      for (const key of going) this.#applied.delete(key)
    }
    await gone(this.kubectl, store.filter(object => !wanted.has(this.#key(object))).map(({ metadata }) => metadata.name))
    await clearFaults(this.kubectl)
    await this.#proxiesHaveForgotten(going)
  }

  #key (object: KubeObject): string {
    return keyOf(object, this.kubectl.namespace)
  }

  #manifest (path: string): Promise<Manifest> {
    const read = this.#manifests.get(path) ?? manifest(this.kubectl, path, this.#host)
    this.#manifests.set(path, read)
    return read
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
    const { url, headers } = await this.address('/api/catalog')
    const deadline = Date.now() + this.#patience
    const pods = await this.kubectl.pods('app=catalog')
    const isHere = ({ status, pod }: Call) => status === 200 && pods.includes(pod ?? '')
    let call = await ask(url, headers)
    while (!isHere(call) && Date.now() < deadline) {
      await sleep(200)
      this.kubectl.signal?.throwIfAborted()
      call = await ask(url, headers)
    }
    if (isHere(call)) return

    if (call.status === 0) {
      throw new Trouble(`The ingress gateway at ${url} refuses: ${call.body}.`,
        'Is it running? kubectl -n istio-system get pods,services -l istio=ingressgateway. What does it say? kubectl -n istio-system logs deploy/istio-ingressgateway')
    }
    if (call.status !== 200) {
      throw new Trouble(`The ingress gateway at ${url} answers with ${call.status}: ${call.body.slice(0, 200)}`,
        `Does it know the route? istioctl proxy-config routes deploy/istio-ingressgateway -n istio-system. Is anything wrong with it? istioctl analyze -n ${this.kubectl.namespace}`)
    }
    throw new Trouble(`The ingress gateway leads to somebody else's store: pod ${call.pod ?? 'without a name'} is not in namespace ${this.kubectl.namespace}.`,
      'Take a host of your own: --host NAME.example')
  }
}

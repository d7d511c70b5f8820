import { readFileSync } from 'node:fs'
import { openGateway, STATUS_PORT } from '../cluster/endpoint.ts'
import { Trouble } from '../cluster/errors.ts'
import { statusCommand, type IngressGateway } from '../cluster/gateway.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { until } from '../cluster/until.ts'
import type { Load } from '../course/exercise.ts'
import type { Api } from '../course/twins.ts'
import { sendBurst, type Address, type Call } from '../judge/load.ts'
import { openProbe, type Probe } from '../judge/noise.ts'

/** A connection to a port of a gateway. */
type Connection = Awaited<ReturnType<typeof openGateway>>

/** How requests reach the gateway of the exercises. */
export interface GatewayAccessOptions {
  kubectl: Kubectl
  api: Api
  /** the mesh's ingress gateway; undefined if no exercise uses it */
  ingress: IngressGateway | undefined
  /** the host of this run; undefined for all hosts */
  host?: string | undefined
  /** replaces the placeholders in a text */
  fill: (text: string) => string
}

/** Asks the gateway's status port, which no lesson affects. */
export interface StatusProbe {
  probe: Probe
  close: () => void
}

/** Access to the gateway of the exercises: the mesh's ingress gateway, or the one that belongs to their own Gateway. */
export class GatewayAccess {
  readonly #kubectl: Kubectl
  readonly #api: Api
  readonly #ingress: IngressGateway | undefined
  readonly #host: string | undefined
  readonly #fill: (text: string) => string
  /** by the name of the exercises' own Gateway (empty for the ingress gateway) and the port: `NAME:80` */
  readonly #connections = new Map<string, Promise<Connection>>()
  /** all connections that were ever open */
  readonly #opened: Connection[] = []
  /** the name of the last applied Gateway of the Gateway API, which has a Service of its own */
  #own: string | undefined

  constructor ({ kubectl, api, ingress, host, fill }: GatewayAccessOptions) {
    this.#kubectl = kubectl
    this.#api = api
    this.#ingress = ingress
    this.#host = host
    this.#fill = fill
  }

  /** Sends the next requests to the exercises' own Gateway. */
  useOwn (name: string): void {
    this.#own = name
  }

  /**
   * Closes the connections to the exercises' own Gateway, if the next exercise does not need it. The Gateway is then
   * deleted, and its Service with it.
   *
   * @param keys the keys of the objects that the next exercise needs
   */
  forgetOwnUnlessIn (keys: string[]): void {
    if (keys.some(key => key.endsWith(`:gateway.gateway.networking.k8s.io/${this.#own}`))) return
    for (const [where, connection] of this.#connections) {
      if (where.startsWith(':')) continue
      connection.then(({ close }) => close(), () => {})
      this.#connections.delete(where)
    }
    this.#own = undefined
  }

  /**
   * The gateway that requests go through.
   *
   * @throws {Error} when there is none
   */
  get current (): Pick<IngressGateway, 'namespace' | 'service' | 'workload' | 'labels'> {
    const gateway = this.#found
    if (gateway === undefined) {
      throw new Error('There is no gateway for the requests. Apply a Gateway in an earlier step of the exercise.')
    }
    return gateway
  }

  get #found (): Pick<IngressGateway, 'namespace' | 'service' | 'workload' | 'labels'> | undefined {
    if (this.#own === undefined) return this.#ingress
    const service = `${this.#own}-istio`
    return { namespace: this.#kubectl.namespace, service, workload: `deployment/${service}`, labels: {} }
  }

  /** What the placeholders for the gateway stand for. */
  get names (): { namespace: string, workload: string | undefined, app: string | undefined } | undefined {
    const gateway = this.#found
    // With the Gateway API the namespace is known before there is a Gateway.
    const namespace = this.#api === 'gateway' ? this.#kubectl.namespace : gateway?.namespace
    if (namespace === undefined) return undefined
    const { workload, labels } = gateway ?? {}
    return { namespace, workload, app: labels?.['app'] ?? workload?.replace(/^.*\//, '') }
  }

  /** The gateway's service name in traces; empty if no exercise uses a gateway. */
  get nameInTraces (): string {
    return this.#found === undefined ? '' : `${this.names?.app}.${this.names?.namespace}`
  }

  /**
   * The request for a path at the gateway. It opens a connection to the gateway if there is none yet.
   *
   * @throws {Error} when there is no gateway, or a file of `tls` cannot be read
   */
  async address (request: Pick<Load, 'path'> & Partial<Load>): Promise<Address> {
    const { path, method = 'GET', headers = {}, body, host, tls } = request
    const connection = await this.#connect(tls === undefined ? 80 : 443)
    if (!this.#opened.includes(connection)) this.#opened.push(connection)
    const name = host === undefined ? this.#host : this.#fill(host)
    const read = (file: string | undefined) => file === undefined ? undefined : readFileSync(this.#fill(file), 'utf8')
    return {
      url: connection.origin + path,
      method,
      body,
      headers: { ...headers, ...(name !== undefined && { host: name }) },
      ...(tls !== undefined && {
        tls: { servername: name as string, ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) }
      })
    }
  }

  /** How often a port-forward to a gateway has ended by itself so far. */
  get interruptions (): number {
    return this.#opened.reduce((sum, { interruptions }) => sum + interruptions(), 0)
  }

  #connect (port: number): Promise<Connection> {
    const where = `${this.#own ?? ''}:${port}`
    const connection = this.#connections.get(where) ?? openGateway(this.#kubectl, this.current, { port })
    this.#connections.set(where, connection)
    return connection
  }

  /** Connects to the gateway's status port; undefined if that is not possible. */
  async statusProbe (): Promise<StatusProbe | undefined> {
    try {
      const connection = await openGateway(this.#kubectl, this.current, { port: STATUS_PORT })
      const { probe, close } = openProbe(`${connection.origin}/healthz/ready`)
      return { probe, close: () => { close(); connection.close() } }
    } catch {
      return undefined // not allowed, or no such port: then only our own timers show how busy the machine is
    }
  }

  /**
   * Waits until the gateway leads to the webapp of this namespace, whose catalog answers.
   *
   * @param patience milliseconds
   * @param pods the running pods of the namespace, if they are known
   * @throws {Trouble} when the gateway refuses, has no route, or leads to another namespace
   */
  async requireRouteHere (patience: number, pods?: KubeObject[]): Promise<void> {
    const [address, running] = await Promise.all([
      this.address({ path: '/api/catalog' }), pods ?? this.#kubectl.runningPods('app=catalog')
    ])
    const names = running.map(({ metadata }) => metadata.name)
    const isFromHere = ({ status, pod }: Call) => status === 200 && names.includes(pod ?? '')
    let call: Call | undefined
    const leadsHere = async () => {
      call = (await sendBurst(address)).find(call => !isFromHere(call))
      return call === undefined
    }
    const { signal } = this.#kubectl
    await until(leadsHere, { timeout: patience, interval: 200, first: 50, signal })
    if (call !== undefined) throw this.#troubleWith(call, address.url)
  }

  #troubleWith ({ status, body, pod }: Call, url: string): Trouble {
    const { namespace, workload } = this.current
    if (status === 0) {
      return new Trouble(`The ingress gateway at ${url} refuses: ${body}.`,
        `Is it running? ${statusCommand(this.current)}. To see its log: kubectl -n ${namespace} logs ${workload}`,
        { isLate: true })
    }
    if (status !== 200) {
      return new Trouble(`The ingress gateway at ${url} answers with ${status}: ${body.slice(0, 200)}`,
        `Does it know the route? istioctl proxy-config routes ${workload} -n ${namespace}. ` +
        `Is there a problem in the configuration? istioctl analyze -n ${this.#kubectl.namespace}`, { isLate: true })
    }
    return new Trouble(
      'The ingress gateway leads to a store in another namespace: ' +
      `pod ${pod ?? 'without a name'} is not in namespace ${this.#kubectl.namespace}.`,
      'Use a host of your own: --host NAME.example')
  }

  /** Closes all connections. */
  async close (): Promise<void> {
    for (const connection of this.#connections.values()) await connection.then(({ close }) => close(), () => {})
  }
}

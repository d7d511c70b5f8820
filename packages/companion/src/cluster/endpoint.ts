import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Trouble } from './errors.ts'
import { getObjects, statusCommand, type GatewayObjects, type GatewayService } from './gateway.ts'
import type { Kubectl } from './kubectl.ts'

/** An origin that this machine can reach. */
export interface Endpoint {
  /** the scheme, the host and, if it is not the usual one, the port: `http://10.96.3.4` */
  origin: string
  /** ends the port-forward behind the origin, if there is one */
  close: () => void
  /** how often that port-forward has ended by itself, and was started again */
  interruptions: () => number
}

/**
 * A gateway answers on this port even if no Gateway has been applied. Its port 80 is closed until a Gateway needs it.
 */
export const STATUS_PORT = 15021

/**
 * Opens an endpoint for a gateway. It uses the address of the load balancer if this machine can reach it, then the
 * cluster address, which only works on the node itself, and otherwise a port-forward.
 *
 * @throws {Trouble} when the gateway's Service does not exist, or the gateway cannot be reached
 */
export async function openGateway (kubectl: Kubectl, gateway: GatewayObjects, { port = 80 } = {}): Promise<Endpoint> {
  const { namespace, service: name } = gateway
  const scheme = port === 443 ? 'https' : 'http'
  const [service] = await getObjects(kubectl.in(namespace), ['service', name]) as GatewayService[]
  if (service === undefined) {
    throw new Trouble(`There is no gateway: namespace ${namespace} has no Service ${name}.`,
      `What does its Gateway say? kubectl -n ${namespace} describe gateways.gateway.networking.k8s.io`)
  }
  for (const host of addressesOf(service)) {
    if (!await isListening(host, STATUS_PORT)) continue
    const portSuffix = port === 80 || port === 443 ? '' : `:${port}`
    const origin = `${scheme}://${host.includes(':') ? `[${host}]` : host}${portSuffix}`
    return { origin, close: () => {}, interruptions: () => 0 }
  }
  kubectl.announce(`kubectl -n ${namespace} port-forward --address 127.0.0.1 service/${name} :${port}`, 'upkeep')
  try {
    const forward = await startPortForward(namespace, `service/${name}`, port)
    return { ...forward, origin: forward.origin.replace('http', scheme) }
  } catch (error) {
    throw new Trouble(`There is no way to the ingress gateway: ${(error as Error).message}`,
      `Is it running? ${statusCommand(gateway)}`)
  }
}

/** The addresses of a Service, those of its load balancer first. */
function addressesOf ({ spec, status }: GatewayService): string[] {
  const external = status.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname) ?? []
  return [...external, spec.clusterIP].filter(host => host !== undefined)
}

/**
 * A shell script that runs its arguments as a command and ends the command when the script's stdin is closed. The
 * system closes it when the companion ends, even after SIGKILL, so no port-forward outlives the companion.
 */
const UNTIL_STDIN_CLOSES = 'exec 3<&0; "$@" & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child'

/**
 * Starts a port-forward from a free port of 127.0.0.1 to a Pod or Service. kubectl ends a port-forward when the other
 * side refuses a connection, as a gateway without routes does. Then it is started again, on the same port.
 *
 * @param target in kubectl's form: `pod/NAME` or `service/NAME`
 * @throws {Error} when kubectl cannot start it
 */
export async function startPortForward (namespace: string, target: string, port: number): Promise<Endpoint> {
  let child: ChildProcess
  let isClosed = false
  let interruptions = 0

  const start = (local: number | '') => new Promise<number>((resolve, reject) => {
    const options = ['--namespace', namespace, '--address', '127.0.0.1']
    const kubectl = ['kubectl', 'port-forward', ...options, target, `${local}:${port}`]
    child = spawn('sh', ['-c', UNTIL_STDIN_CLOSES, 'sh', ...kubectl], { stdio: 'pipe' })
    let stderr = ''
    let listening: number | undefined
    child.stderr?.on('data', data => { stderr += data })
    createInterface(child.stdout as Readable).on('line', line => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(listening = Number(found))
    })
    child.once('error', reject)
    child.once('exit', () => {
      reject(new Error(`kubectl port-forward to ${target} failed: ${stderr.trim()}`)) // no effect once it listens
      if (listening === undefined || isClosed) return
      interruptions++
      start(listening).catch(() => {}) // if this fails, the next request has no answer
    })
  })

  const local = await start('')
  return {
    origin: `http://127.0.0.1:${local}`,
    close: () => {
      isClosed = true
      child.stdin?.end()
    },
    interruptions: () => interruptions
  }
}

/** Whether a port accepts connections within a second. */
function isListening (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false))
  })
}

import { spawn, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Kubectl } from './kubectl.ts'
import { Trouble } from './trouble.ts'

/** A way to the ingress gateway from this machine. */
export interface Gateway {
  /** as in http://10.96.3.4 */
  origin: string
  close: () => void
}

interface GatewayService {
  spec: { clusterIP: string }
  status: { loadBalancer?: { ingress?: { ip?: string, hostname?: string }[] } }
}

/** Istio's own: the name of its Service and of its Deployment. */
export const INGRESS = 'istio-ingressgateway'

/** How to see whether a gateway is running: its Deployment has the name of its Service. */
export const isRunning = ({ name, namespace }: { name: string, namespace: string }) => `kubectl -n ${namespace} get deployment,service ${name}`

/** A shell runs its arguments until its stdin ends, as it does when we do, even by SIGKILL. */
const WITH_US = 'exec 3<&0; "$@" & child=$!; { cat <&3; kill $child; } >/dev/null 2>&1 & wait $child'

/** The gateway answers here in any case; port 80 is closed until a Gateway asks for it. */
export const STATUS_PORT = 15021

/**
 * Finds the ingress gateway: at the address of its load balancer, at its cluster address where this machine is the node, and else
 * through a port-forward, which ends with `close`.
 *
 * @param kubectl in the gateway's namespace
 * @throws {Trouble} where there is none, or no way to it
 */
export async function openGateway (kubectl: Kubectl, { name = INGRESS, port = 80 } = {}): Promise<Gateway> {
  const scheme = port === 443 ? 'https' : 'http'
  const { namespace } = kubectl
  const [service] = await kubectl.objects(['service', name]).catch((error: Error) => {
    if (!/\(Forbidden\)/.test(error.message)) throw error
    throw new Trouble(`You are not allowed to look at the ingress gateway in namespace ${namespace}: ${error.message.split('\n')[0]}`,
      `Whoever runs the cluster can allow it: kubectl create clusterrole gateway-user --verb=get,list,create --resource=services,pods,pods/exec,pods/portforward,deployments.apps, then kubectl -n ${namespace} create rolebinding gateway-user --clusterrole=gateway-user --user=YOU`)
  }) as unknown as GatewayService[]
  if (service === undefined) {
    throw new Trouble(`There is no ingress gateway: namespace ${namespace} has no Service ${name}.`, name === INGRESS ? 'Install Istio with one: istioctl install --set profile=demo' : `What does its Gateway say? kubectl -n ${namespace} describe gateways.gateway.networking.k8s.io`)
  }
  const { spec, status } = service
  const hosts = [...status.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname) ?? [], spec.clusterIP]
  for (const host of hosts) {
    if (host !== undefined && await answers(host, STATUS_PORT)) return { origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}${[80, 443].includes(port) ? '' : `:${port}`}`, close: () => {} }
  }
  kubectl.announce(`kubectl -n ${namespace} port-forward --address 127.0.0.1 service/${name} :${port}`, 'upkeep')
  return await forward(namespace, `service/${name}`, port).then(gateway => ({ ...gateway, origin: gateway.origin.replace('http', scheme) })).catch((error: Error) => {
    throw new Trouble(`There is no way to the ingress gateway: ${error.message}`, `Is it running? ${isRunning({ name, namespace })}`)
  })
}

/**
 * A port-forward to a pod or Service, on a free port of 127.0.0.1. kubectl gives up when the other side refuses one connection,
 * as a gateway without routes does; it is started again then, on the same port.
 */
export async function forward (namespace: string, target: string, port: number): Promise<Gateway> {
  let child: ChildProcess
  let closed = false

  const start = (local: number | '') => new Promise<number>((resolve, reject) => {
    const kubectl = ['kubectl', '--namespace', namespace, 'port-forward', '--address', '127.0.0.1', target, `${local}:${port}`]
    child = spawn('sh', ['-c', WITH_US, 'sh', ...kubectl], { stdio: 'pipe' })
    let said = ''
    let listening: number | undefined
    child.stderr?.on('data', data => { said += data })
    createInterface(child.stdout as Readable).on('line', line => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(listening = Number(found))
    })
    child.once('error', reject)
    child.once('exit', () => {
      if (listening === undefined) reject(new Error(`kubectl port-forward to ${target} failed: ${said.trim()}`))
      else if (!closed) start(listening).catch(() => {}) // whoever uses it will see that nobody answers
    })
  })

  const local = await start('')
  return {
    origin: `http://127.0.0.1:${local}`,
    close: () => {
      closed = true
      child.stdin?.end()
    }
  }
}

function answers (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false))
  })
}

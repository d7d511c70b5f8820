import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { readableAddress, unbracketed } from './addresses.ts'

type Sent = Pick<FastifyRequest, 'socket' | 'headers'>

/** Why a request does not come from inside the pod; undefined if it does. */
export function outsideReason (request: Sent): string | undefined {
  const { remoteAddress } = request.socket
  return isLoopback(remoteAddress) ? rebindingReason(request) : `this request is from ${readableAddress(remoteAddress)}`
}

/**
 * Why a request from this machine may come from the page of a site; undefined if it does not. A site can point its name
 * to 127.0.0.1 (DNS rebinding). The browser of someone with a port-forward, or with the store of `npm start`, then
 * sends the requests of that page here, but with the site's name.
 */
export function rebindingReason ({ socket: { remoteAddress }, headers: { host } }: Sent): string | undefined {
  if (!isLoopback(remoteAddress) || isLocalName(host)) return undefined
  return `the Host header of this request, ${host}, may be the name of a website; use localhost or an IP address`
}

/**
 * Whether an address is that of the pod itself. Only exact addresses count: a sidecar delivers requests of the mesh
 * from 127.0.0.6 (or ::6), while `kubectl exec … curl localhost` and port-forward come from 127.0.0.1 (or ::1). No
 * header is trusted, because a client could forge it.
 */
export function isLoopback (remoteAddress: string | undefined): boolean {
  return remoteAddress === '127.0.0.1' || remoteAddress === '::ffff:127.0.0.1' || remoteAddress === '::1'
}

/** Whether a Host header names this machine or a pod: an address, `localhost`, or a name as in a cluster. */
function isLocalName (host = ''): boolean {
  const name = unbracketed(host.replace(/:\d+$/, '')).toLowerCase().replace(/\.$/, '')
  return isIP(name) !== 0 || !name.includes('.') || /\.(localhost|internal|svc|svc\.cluster\.local)$/.test(name)
}

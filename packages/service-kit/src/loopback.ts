import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { readableAddress, unbracketed } from './addresses.ts'

/** Why a request does not come from inside the pod; undefined if it does. */
export function outsideReason (
  { socket: { remoteAddress }, headers: { host } }: Pick<FastifyRequest, 'socket' | 'headers'>
): string | undefined {
  if (!isLoopback(remoteAddress)) return `this request is from ${readableAddress(remoteAddress)}`
  if (!isLocalName(host)) return `the Host of this request, ${host}, is the name of a site`
  return undefined
}

/**
 * Whether an address is that of the pod itself. Only exact addresses count: a sidecar delivers requests of the mesh
 * from 127.0.0.6 (or ::6), while `kubectl exec … curl localhost` and port-forward come from 127.0.0.1 (or ::1). No
 * header is trusted, because a client could forge it.
 */
export function isLoopback (remoteAddress: string | undefined): boolean {
  return remoteAddress === '127.0.0.1' || remoteAddress === '::ffff:127.0.0.1' || remoteAddress === '::1'
}

/**
 * Whether a Host header names this machine or a pod, and not a site: an address, `localhost`, a name without dots, or a
 * name of the cluster. The page of a site can point the site's name to 127.0.0.1 (DNS rebinding). The browser of
 * someone with a port-forward would then send the requests of that page here, but with the site's name.
 */
function isLocalName (host = ''): boolean {
  const name = unbracketed(host.replace(/:\d+$/, '')).toLowerCase().replace(/\.$/, '')
  return isIP(name) !== 0 || !name.includes('.') || /\.(localhost|local|internal|svc)$/.test(name)
}

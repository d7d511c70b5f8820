import { isIPv6 } from 'node:net'

/** The variables that say where a server listens. */
interface ListenConfig {
  HOST?: string
  PORT: number
}

/**
 * Where a server listens, for Fastify's `listen`. Without HOST, that is every address: Node uses `::`, which includes
 * IPv4, or 0.0.0.0 on a machine without IPv6.
 */
export function listenOptions ({ HOST = '', PORT }: ListenConfig): { host: string, port: number } {
  // Fastify would turn an undefined host into localhost. It passes an empty host to Node, for which that means no host.
  return { host: unbracketed(HOST), port: PORT }
}

/** The same in words: `port 3000`, or `port 3000 on ::1`. */
export function describeListening (config: ListenConfig): string {
  const { host, port } = listenOptions(config)
  return host === '' ? `port ${port}` : `port ${port} on ${host}`
}

/** The origin of a service, as in `http://catalog:80` or `http://[fd00::10]:80`. */
export function originOf (host: string, port: number): string {
  return `http://${bracketed(host)}:${port}`
}

/** A host as URLs have it: an IPv6 address is in brackets. Kubernetes writes it into `*_SERVICE_HOST` without them. */
export function bracketed (host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

/** A host as sockets have it: without the brackets that URLs put around an IPv6 address. */
export function unbracketed (host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** A peer's address as people write it: on a dual-stack socket, an IPv4 address appears as `::ffff:10.1.2.3`. */
export function readableAddress (address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address
}

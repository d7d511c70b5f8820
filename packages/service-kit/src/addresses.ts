import { isIPv6 } from 'node:net'

/** The variables that say where a server listens. */
interface ListenConfig {
  HOST?: string
  PORT: number
}

/**
 * The options for Fastify's `listen`. Without HOST, a server listens on every address: Node uses `::`, which includes
 * IPv4, or 0.0.0.0 on a machine without IPv6. `localhost` means 127.0.0.1: for the name, Fastify would make a second
 * server for ::1, which would have none of the listeners that this project adds to its server.
 */
export function listenOptions ({ HOST = '', PORT }: ListenConfig): { host: string, port: number } {
  // Fastify would turn an undefined host into localhost. It passes an empty host to Node, for which that means no host.
  return { host: HOST === 'localhost' ? '127.0.0.1' : unbracketed(HOST), port: PORT }
}

/** Says where a server listens: `port 3000`, or `port 3000 on ::1`. */
export function describeListening (config: ListenConfig): string {
  const { host, port } = listenOptions(config)
  return host === '' ? `port ${port}` : `port ${port} on ${host}`
}

/** The origin of a service, such as `http://catalog:80` or `http://[fd00::10]:80`. */
export function originOf (host: string, port: number): string {
  return `http://${bracketed(host)}:${port}`
}

/** A host as in a URL: with brackets around an IPv6 address. Kubernetes sets `*_SERVICE_HOST` without brackets. */
export function bracketed (host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

/** A host as a socket needs it: without the brackets that URLs have around an IPv6 address. */
export function unbracketed (host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** A peer's address as people write it: a dual-stack socket shows an IPv4 address as `::ffff:10.1.2.3`. */
export function readableAddress (address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice(7) : address
}

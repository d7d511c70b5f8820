import fp from 'fastify-plugin'
import type { FastifyReply } from 'fastify'
import type { BaseConfig } from './config.ts'

/** The headers that say where an answer comes from: its pod, version, attempt (of a retrying sidecar) and faults. */
const IDENTITY_HEADERS = ['x-served-by', 'x-served-version', 'x-attempt', 'x-chaos'] as const

/** The identity headers of an answer; a header that the answer lacks is missing here too. */
export type Identity = Partial<Record<typeof IDENTITY_HEADERS[number], string>>

/** Adds the pod and the version to every answer, and the attempt if a sidecar counts attempts. */
export const identity = fp<Pick<BaseConfig, 'HOSTNAME' | 'SERVICE_VERSION'>>(async (app, config) => {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-served-by', config.HOSTNAME)
    reply.header('x-served-version', config.SERVICE_VERSION)
    const attempt = request.headers['x-envoy-attempt-count']
    if (attempt !== undefined) reply.header('x-attempt', attempt)
    done()
  })
}, { name: 'identity' })

/** The pod and the version as headers, for an answer that no hook sees. */
export function identityHeaders (config: Pick<BaseConfig, 'HOSTNAME' | 'SERVICE_VERSION'>): Record<string, string> {
  return { 'x-served-by': config.HOSTNAME, 'x-served-version': config.SERVICE_VERSION }
}

/** Reads the identity from the headers of an upstream's answer. */
export function identityOf (headers: Record<string, string | string[] | undefined>): Identity {
  const found: Identity = {}
  for (const name of IDENTITY_HEADERS) {
    const value = headers[name]
    if (value !== undefined) found[name] = String(value)
  }
  return found
}

/**
 * Gives our answer the identity of an upstream's answer, because the client wants to know which catalog answered. If
 * the upstream has no identity (it did not answer, or a proxy answered instead), our answer has none either. The faults
 * of both services stay in `x-chaos`.
 */
export function forwardIdentity (reply: FastifyReply, upstream: Identity = {}): void {
  const { fault } = reply.request
  for (const name of IDENTITY_HEADERS) {
    const value = name === 'x-chaos' ? [fault, upstream[name]].filter(Boolean).join() : upstream[name]
    if (value) reply.header(name, value)
    else reply.removeHeader(name)
  }
}

import fp from 'fastify-plugin'
import type { FastifyReply } from 'fastify'
import type { BaseConfig } from './config.ts'

/** The headers by which an answer says who gave it: pod, version, which attempt of a retrying sidecar, and which faults hit it. */
const IDENTITY_HEADERS = ['x-served-by', 'x-served-version', 'x-attempt', 'x-chaos'] as const

/** What an answer says of who gave it; a header that it lacks is lacking here. */
export type Identity = Partial<Record<typeof IDENTITY_HEADERS[number], string>>

/** Answers name the pod and the version that served them, and the attempt where a sidecar counts them. */
export const identity = fp<Pick<BaseConfig, 'HOSTNAME' | 'SERVICE_VERSION'>>(async (app, config) => {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-served-by', config.HOSTNAME)
    reply.header('x-served-version', config.SERVICE_VERSION)
    const attempt = request.headers['x-envoy-attempt-count']
    if (attempt !== undefined) reply.header('x-attempt', attempt)
    done()
  })
}, { name: 'identity' })

/** Pod and version as headers, for an answer that no hook handles. */
export function identityHeaders (config: Pick<BaseConfig, 'HOSTNAME' | 'SERVICE_VERSION'>): Record<string, string> {
  return { 'x-served-by': config.HOSTNAME, 'x-served-version': config.SERVICE_VERSION }
}

/** The identity in the headers of an upstream's answer. */
export function identityOf (headers: Record<string, string | string[] | undefined>): Identity {
  const found: Identity = {}
  for (const name of IDENTITY_HEADERS) {
    const value = headers[name]
    if (value !== undefined) found[name] = String(value)
  }
  return found
}

/**
 * Lets an answer that stands for an upstream's carry that one's identity: the caller wants to know which catalog it was. Where
 * the upstream said nothing (it never answered, or a proxy did in its place) the answer says nothing either. Faults of both
 * stay visible.
 */
export function forwardIdentity (reply: FastifyReply, upstream: Identity = {}): void {
  const { fault } = reply.request
  for (const name of IDENTITY_HEADERS) {
    const value = name === 'x-chaos' ? [fault, upstream[name]].filter(Boolean).join() : upstream[name]
    if (value) reply.header(name, value)
    else reply.removeHeader(name)
  }
}

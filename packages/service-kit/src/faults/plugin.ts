import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { Overloaded } from '../errors.ts'
import { pathOf } from '../paths.ts'
import { blowupRoutes } from './blowup.ts'
import { HeldConnections } from './connections.ts'
import { Delays, MAX_DELAYED } from './delays.ts'
import { FaultRules, type Verdict } from './rules.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The types of the faults that hit this request, such as `latency,500`; null if none did. */
    fault: string | null
  }
}

/** The configuration of the faults, and the paths that they hit by default. */
export type FaultsOptions = Pick<BaseConfig, 'CHAOS_ACCESS' | 'CHAOS_SEED' | 'HOSTNAME'> & {
  isBusinessPath: (path: string) => boolean
}

/**
 * Faults on demand: `/blowup` sets rules, and a hook applies them to requests before any handler. Operational routes
 * (probes, metrics, documentation, /blowup) are never hit: if a probe failed, Kubernetes would restart the pod or take
 * it out of rotation, and the exercise would end.
 */
export const faults = fp<FaultsOptions>(async (app, { CHAOS_ACCESS, CHAOS_SEED, HOSTNAME, isBusinessPath }) => {
  const rules = new FaultRules({ seed: CHAOS_SEED ?? randomUUID(), instance: HOSTNAME, isBusinessPath })
  const held = new HeldConnections()
  const delays = new Delays()
  app.whenClosing(() => {
    delays.release()
    held.release()
  })

  app.decorateRequest('fault', null)
  // This hook runs before the body is read and after every onRequest hook. So injected answers have the CORS headers of
  // real ones, and preflight requests have already been answered.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (rules.isEmpty || request.routeOptions.config.operational === true) return done()
    const { method, url, headers } = request
    const verdict = rules.judge({ method, path: decodeURIComponent(pathOf(url)), headers })
    if (verdict === undefined) return done()

    const { delayMs, ending, fault } = verdict
    markRequest(request, reply, fault)
    const endSpan = startSpan(request, reply, verdict)
    const proceed = () => {
      if (ending === undefined || ending.fault.answers) endSpan?.()
      if (ending === undefined) done()
      else ending.fault.end(ending.rule, { request, reply, held })
    }
    if (delayMs === 0) proceed()
    else if (delays.isFull) done(new Overloaded(`faults delay ${MAX_DELAYED} requests`))
    else delays.add(delayMs, reply.raw, proceed)
  })

  await app.register(blowupRoutes, { rules, access: CHAOS_ACCESS, pod: HOSTNAME })
}, { name: 'faults' })

/** Marks a request that a fault hits: in its answer, in the log and metrics (by `request.fault`), and in its trace. */
function markRequest (request: FastifyRequest, reply: FastifyReply, fault: string): void {
  request.fault = fault
  reply.header('x-chaos', fault)
  request.trace?.span.setAttribute('outfitters.fault', fault)
}

/**
 * Starts the span of a fault and returns a function that ends it. The span also ends when the connection closes.
 * Undefined if tracing is off.
 */
function startSpan (
  request: FastifyRequest, reply: FastifyReply, { fault, delayMs }: Verdict
): (() => void) | undefined {
  const attributes = { 'outfitters.fault': fault, 'outfitters.fault.delay_ms': delayMs }
  const span = request.trace?.child(`fault ${fault}`, attributes)
  if (span === undefined) return undefined
  const end = () => {
    reply.raw.off('close', end)
    span.end()
  }
  reply.raw.prependOnceListener('close', end) // prepended, because it must end before the span of the request
  return end
}

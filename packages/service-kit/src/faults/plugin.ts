import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { pathOf } from '../paths.ts'
import { blowupRoutes } from './blowup.ts'
import { HeldConnections } from './connections.ts'
import { Delays } from './delays.ts'
import { FaultRules, type Verdict } from './rules.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The types of the faults that hit this request, as in `latency,500`; null where none did. */
    fault: string | null
  }
}

export type FaultsOptions = Pick<BaseConfig, 'CHAOS_ACCESS' | 'CHAOS_SEED' | 'HOSTNAME'> & {
  isBusinessPath: (path: string) => boolean
}

/**
 * Faults on demand: `/blowup` sets rules, and this hook lets requests meet them before any handler does. What is operational
 * (probes, metrics, documentation, /blowup) is never hit: a failing probe would have the pod restarted or taken out of rotation,
 * and the lesson with it.
 */
export const faults = fp<FaultsOptions>(async (app, { CHAOS_ACCESS, CHAOS_SEED, HOSTNAME, isBusinessPath }) => {
  const rules = new FaultRules({ seed: CHAOS_SEED ?? randomUUID(), instance: HOSTNAME, isBusinessPath })
  const held = new HeldConnections()
  const delays = new Delays()
  app.addHook('preClose', async () => {
    delays.release()
    held.release()
  })

  app.decorateRequest('fault', null)
  // Before the body is read, and after every onRequest: an injected answer then has the CORS headers that a real one would have, and
  // a preflight has been answered.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (rules.isEmpty || request.routeOptions.config.operational === true) return done()
    const { method, url, headers } = request
    const verdict = rules.judge({ method, path: decodeURIComponent(pathOf(url)), headers })
    if (verdict === undefined) return done()

    const { delayMs, ending, fault } = verdict
    identify(request, reply, fault)
    const endSpan = startSpan(request, reply, verdict)
    const goOn = () => {
      if (ending === undefined || ending.fault.answers) endSpan?.()
      if (ending === undefined) done()
      else ending.fault.end(ending.rule, { request, reply, held })
    }
    if (delayMs === 0) goOn()
    else delays.add(delayMs, reply.raw, goOn)
  })

  await app.register(blowupRoutes, { rules, access: CHAOS_ACCESS, pod: HOSTNAME })
}, { name: 'faults' })

/** An injected fault says that it is one: in the answer, in the log, in the metrics (both by `request.fault`) and in the trace. */
function identify (request: FastifyRequest, reply: FastifyReply, fault: string): void {
  request.fault = fault
  reply.header('x-chaos', fault)
  request.trace?.span.setAttribute('outfitters.fault', fault)
}

/** Starts the span of a fault; it lasts until what is returned is called or the connection is closed, whichever comes first. */
function startSpan (request: FastifyRequest, reply: FastifyReply, { fault, delayMs }: Verdict): (() => void) | undefined {
  const span = request.trace?.child(`fault ${fault}`, { 'outfitters.fault': fault, 'outfitters.fault.delay_ms': delayMs })
  if (span === undefined) return undefined
  const end = () => {
    reply.raw.off('close', end)
    span.end()
  }
  reply.raw.prependOnceListener('close', end) // before the span of the request ends
  return end
}

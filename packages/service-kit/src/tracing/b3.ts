import {
  createContextKey, INVALID_SPAN_CONTEXT, isSpanContextValid, trace, TraceFlags, type Context
} from '@opentelemetry/api'
import type { Propagator } from './types.ts'

/**
 * The sampling state of B3 (github.com/openzipkin/b3-propagation). A decision may come without a trace, and a trace
 * without a decision. The flags of a parent span cannot express either, so the sampler calls `b3StateOf`.
 * OpenTelemetry's own B3 propagator loses the first, and reads the second as a decision against sampling.
 */
export type B3State = 'accept' | 'deny' | 'debug' | 'defer'

const STATE = createContextKey('sampling state of B3')

/** The sampling state that came in by B3; undefined if none did. */
export function b3StateOf (context: Context): B3State | undefined {
  return context.getValue(STATE) as B3State | undefined
}

const STATES = new Map<string, B3State>([
  ['0', 'deny'], ['1', 'accept'], ['d', 'debug'], ['false', 'deny'], ['true', 'accept']
])

/** B3 in one header. */
export const B3_SINGLE: Propagator = {
  extract,
  inject (context, headers) {
    const { traceId, spanId, sampled, debug } = spanOf(context)
    headers['b3'] = `${traceId}-${spanId}-${debug ? 'd' : sampled ? '1' : '0'}`
  }
}

/** B3 in several headers. */
export const B3_MULTI: Propagator = {
  extract,
  inject (context, headers) {
    const { traceId, spanId, sampled, debug } = spanOf(context)
    headers['x-b3-traceid'] = traceId
    headers['x-b3-spanid'] = spanId
    if (debug) headers['x-b3-flags'] = '1'
    else headers['x-b3-sampled'] = sampled ? '1' : '0'
  }
}

// If it can be read, the single header takes precedence over the several headers.
function extract (context: Context, headers: Record<string, unknown>): Context {
  return fromSingle(context, headers['b3']) ?? fromMulti(context, headers) ?? context
}

const SINGLE_HEADER = /^(?:([\da-f]{16}|[\da-f]{32})-([\da-f]{16})(?:-([01d]))?(?:-[\da-f]{16})?|([01d]))$/

function fromSingle (context: Context, header: unknown): Context | undefined {
  if (typeof header !== 'string') return undefined
  const [, traceId, spanId, state, stateWithoutTrace] = SINGLE_HEADER.exec(header) ?? []
  if (stateWithoutTrace !== undefined) return withState(context, STATES.get(stateWithoutTrace))
  return withSpan(context, traceId, spanId, STATES.get(state ?? ''))
}

function fromMulti (context: Context, headers: Record<string, unknown>): Context | undefined {
  const state = headers['x-b3-flags'] === '1' ? 'debug' : STATES.get(headers['x-b3-sampled'] as string)
  const ids = `${String(headers['x-b3-traceid'])}-${String(headers['x-b3-spanid'])}`
  const [, traceId, spanId] = 'x-b3-traceid' in headers ? SINGLE_HEADER.exec(ids) ?? [] : []
  return withSpan(context, traceId, spanId, state) ?? withState(context, state)
}

function withState (context: Context, state: B3State | undefined): Context | undefined {
  return state && context.setValue(STATE, state)
}

function withSpan (
  context: Context, traceId: string | undefined, spanId: string | undefined, state: B3State = 'defer'
): Context | undefined {
  if (traceId === undefined || spanId === undefined) return undefined
  const span = {
    traceId: traceId.padStart(32, '0'),
    spanId,
    traceFlags: state === 'accept' || state === 'debug' ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true
  }
  return isSpanContextValid(span) ? trace.setSpanContext(context.setValue(STATE, state), span) : undefined
}

function spanOf (context: Context) {
  const { traceId, spanId, traceFlags } = trace.getSpanContext(context) ?? INVALID_SPAN_CONTEXT
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0
  return { traceId, spanId, sampled, debug: sampled && b3StateOf(context) === 'debug' }
}

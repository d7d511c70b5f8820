import { defaultTextMapGetter, defaultTextMapSetter, diag, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { B3_MULTI_FIELDS } from '../propagation.ts'
import { B3_MULTI, B3_SINGLE } from './b3.ts'
import { listOf, type Propagator } from './types.ts'

const traceContext = new W3CTraceContextPropagator()
const W3C: Propagator = {
  extract: (context, headers) => traceContext.extract(context, headers, defaultTextMapGetter),
  inject: (context, headers) => traceContext.inject(context, headers, defaultTextMapSetter)
}

/** The propagators by their names in OTEL_PROPAGATORS. */
const PROPAGATORS = new Map<string, Propagator>([
  ['tracecontext', W3C],
  ['baggage', { extract: context => context, inject: () => {} }], // forwarded unchanged, because nothing here reads it
  ['b3', B3_SINGLE],
  ['b3multi', B3_MULTI]
])

const DEFAULT = 'tracecontext,baggage'

/**
 * Makes a propagator for the configured formats.
 *
 * It reads the configured formats, and then W3C and B3. If several formats have a trace, the one configured last wins.
 * A trace wins over a B3 decision without a trace.
 *
 * It writes the configured formats, and every format that came in, so that all of them name our span. A header that is
 * forwarded unchanged would name another parent for the next span, and split the trace.
 *
 * @param configured the value of OTEL_PROPAGATORS: names separated by commas
 */
export function propagatorFor (configured = DEFAULT): Propagator {
  const own = propagatorsIn(configured)
  const extracts = new Set([...own.toReversed(), W3C, B3_SINGLE].map(({ extract }) => extract))
  return {
    extract (context, headers) {
      let first = context
      for (const extract of extracts) {
        const found = extract(context, headers)
        if (trace.getSpanContext(found) !== trace.getSpanContext(context)) return found
        if (first === context) first = found // a B3 decision without a trace; another format may still have a trace
      }
      return first
    },

    inject (context, headers) {
      const formats = new Set(own)
      if ('traceparent' in headers) formats.add(W3C)
      if ('b3' in headers) formats.add(B3_SINGLE)
      // These belong to the parent span.
      delete headers['tracestate']
      for (const name of B3_MULTI_FIELDS) {
        if (!(name in headers)) continue
        formats.add(B3_MULTI)
        delete headers[name]
      }
      for (const format of formats) format.inject(context, headers)
    }
  }
}

function propagatorsIn (configured: string): Propagator[] {
  const names = listOf(configured)
  if (names.includes('none')) return []
  const unknown = names.filter(name => !PROPAGATORS.has(name))
  if (unknown.length > 0) {
    const known = [...PROPAGATORS.keys(), 'none'].join(', ')
    diag.warn(`OTEL_PROPAGATORS names "${unknown.join(', ')}", which is not one of ${known}, and is ignored`)
  }
  const used = names.length > unknown.length ? names : listOf(DEFAULT)
  return used.flatMap(name => PROPAGATORS.get(name) ?? [])
}

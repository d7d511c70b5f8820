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

/** By the names that OTEL_PROPAGATORS has for them. */
const PROPAGATORS = new Map<string, Propagator>([
  ['tracecontext', W3C],
  ['baggage', { extract: context => context, inject: () => {} }], // nothing here reads or adds to it, so it goes on to the letter
  ['b3', B3_SINGLE],
  ['b3multi', B3_MULTI]
])

const DEFAULT = 'tracecontext,baggage'

/**
 * Carries traces on in the configured formats, and takes W3C's and B3 where these find nothing; of several that find something, the one
 * that is configured last wins, and a trace over a decision about one that is yet to begin. A format that came in goes out as well, naming the same span. Carried on as it was, it would hang the
 * next span elsewhere and tear the trace apart.
 *
 * @param configured as in OTEL_PROPAGATORS: names by commas
 */
export function propagatorFor (configured = DEFAULT): Propagator {
  const own = named(configured)
  const extracts = new Set([...own.toReversed(), W3C, B3_SINGLE].map(({ extract }) => extract))
  return {
    extract (context, headers) {
      let first = context
      for (const extract of extracts) {
        const found = extract(context, headers)
        if (trace.getSpanContext(found) !== trace.getSpanContext(context)) return found
        if (first === context) first = found // a decision of B3's without a trace: what another format has of one comes before it
      }
      return first
    },

    inject (context, headers) {
      const formats = new Set(own)
      if ('traceparent' in headers) formats.add(W3C)
      if ('b3' in headers) formats.add(B3_SINGLE)
      // What belongs to the span that came in goes.
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

function named (configured: string): Propagator[] {
  const names = listOf(configured)
  if (names.includes('none')) return []
  const unknown = names.filter(name => !PROPAGATORS.has(name))
  if (unknown.length > 0) diag.warn(`OTEL_PROPAGATORS names "${unknown.join(', ')}", which is none of ${[...PROPAGATORS.keys()].join(', ')}, none`)
  const known = names.length > unknown.length ? names : listOf(DEFAULT)
  return known.flatMap(name => PROPAGATORS.get(name) ?? [])
}

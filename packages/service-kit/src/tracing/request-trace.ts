import {
  ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Span
} from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import type { Telemetry } from './types.ts'

/** The part of a trace that this service adds for one request. */
export class RequestTrace {
  /** The server span of the request. */
  readonly span: Span
  readonly #telemetry: Telemetry
  readonly #context: Context

  /** Starts the server span, as a child of the span that the headers name. */
  constructor (telemetry: Telemetry, name: string, attributes: Attributes, headers: FastifyRequest['headers']) {
    const parent = telemetry.propagator.extract(ROOT_CONTEXT, headers)
    this.span = telemetry.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    this.#telemetry = telemetry
    this.#context = trace.setSpan(parent, this.span)
  }

  /** The ids of the server span, as fields of a log line. */
  get ids (): { trace_id: string, span_id: string } {
    const { traceId, spanId } = this.span.spanContext()
    return { trace_id: traceId, span_id: spanId }
  }

  /** Starts a span for a part of serving the request. */
  child (name: string, attributes: Attributes): Span {
    return this.#telemetry.tracer.startSpan(name, { attributes }, this.#context)
  }

  /** Starts the span of a call to an upstream, and writes it into the headers of the call. */
  call (name: string, attributes: Attributes, headers: Record<string, string>): Span {
    const span = this.#telemetry.tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.#context)
    this.#telemetry.propagator.inject(trace.setSpan(this.#context, span), headers)
    return span
  }
}

/**
 * Ends a span as failed.
 *
 * @param type the attribute error.type of the semantic conventions: a status or the code of an error
 */
export function endWithError (span: Span, type: string, message?: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
  span.end()
}

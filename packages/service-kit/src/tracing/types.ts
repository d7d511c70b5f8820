import type { Context, Tracer } from '@opentelemetry/api'

/** Reads traces from headers and writes them into headers. */
export interface Propagator {
  extract: (context: Context, headers: Record<string, unknown>) => Context
  /** `headers` are those of an outgoing call, with the forwarded headers still in them. */
  inject: (context: Context, headers: Record<string, unknown>) => void
}

/** Makes spans and carries their traces to other services. */
export interface Telemetry {
  tracer: Tracer
  propagator: Propagator
  /** Sends the spans that have not been sent yet. */
  shutdown: () => Promise<void>
}

/** Splits a variable that holds several names, separated by commas. */
export function listOf (names: string): string[] {
  return names.split(',').map(name => name.trim()).filter(name => name !== '')
}

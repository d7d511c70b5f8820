import type { Context, Tracer } from '@opentelemetry/api'
import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'

/** Takes traces out of headers, and puts them into headers. */
export interface Propagator {
  extract: (context: Context, headers: Record<string, unknown>) => Context
  /** `headers` are those of a call, with what came in still in them. */
  inject: (context: Context, headers: Record<string, unknown>) => void
}

/** What makes spans and what carries them on. */
export interface Telemetry {
  tracer: Tracer
  propagator: Propagator
  /** Sends what has not been sent yet. */
  shutdown: () => Promise<void>
}

/** The names in a variable that has several, by commas. */
export function listOf (names: string): string[] {
  return names.split(',').map(name => name.trim()).filter(name => name !== '')
}

/**
 * Starts tracing where an OTLP endpoint is configured; all else about it is in the variables of the OpenTelemetry specification
 * (OTEL_TRACES_SAMPLER, OTEL_PROPAGATORS, OTEL_RESOURCE_ATTRIBUTES, …), which also has it that a mistaken value is warned of and counts
 * as unset. Without an endpoint, nothing of the SDK is loaded.
 *
 * @param name the service's; its namespace is added to it, and OTEL_SERVICE_NAME takes its place
 */
export async function startTelemetry (name: string, config: BaseConfig, logger: FastifyBaseLogger): Promise<Telemetry | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED = '', OTEL_TRACES_EXPORTER = '' } = config
  if ((OTEL_EXPORTER_OTLP_ENDPOINT ?? OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) === undefined) return undefined
  if (OTEL_SDK_DISABLED.trim().toLowerCase() === 'true' || listOf(OTEL_TRACES_EXPORTER).includes('none')) return undefined
  const { startSdk } = await import('./sdk.ts')
  return startSdk(name, config, logger)
}

import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { listOf, type Telemetry } from './types.ts'

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

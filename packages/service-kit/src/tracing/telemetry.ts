import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { listOf, type Telemetry } from './types.ts'

/**
 * Starts tracing if an OTLP endpoint is configured. The variables of the OpenTelemetry specification configure it
 * (OTEL_PROPAGATORS, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, …). As the specification asks, an invalid value
 * leads to a warning and counts as unset. Without an endpoint, the SDK is not even loaded.
 *
 * @param name the service's name; in Kubernetes its namespace is appended; OTEL_SERVICE_NAME replaces both
 */
export async function startTelemetry (
  name: string, config: BaseConfig, logger: FastifyBaseLogger
): Promise<Telemetry | undefined> {
  const { OTEL_SDK_DISABLED = '', OTEL_TRACES_EXPORTER = '' } = config
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT ?? config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  if (endpoint === undefined) return undefined
  const isDisabled = OTEL_SDK_DISABLED.trim().toLowerCase() === 'true'
  if (isDisabled || listOf(OTEL_TRACES_EXPORTER).includes('none')) return undefined
  const { startSdk } = await import('./sdk.ts')
  return startSdk(name, config, logger)
}

import { diag, DiagLogLevel, trace } from '@opentelemetry/api'
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { propagatorFor } from './propagator.ts'
import { samplerFor } from './sampler.ts'
import type { Telemetry } from './telemetry.ts'

/** Starts OpenTelemetry's SDK for traces alone: metrics are Prometheus' to fetch, and the log goes to stdout. */
export function startSdk (name: string, config: BaseConfig, logger: FastifyBaseLogger): Telemetry {
  diag.setLogger({
    error: (message, ...details) => logger.warn({ details }, `tracing: ${message}`), // an error of the tracing is none of the service
    warn: (message, ...details) => logger.warn({ details }, `tracing: ${message}`),
    info: (message, ...details) => logger.info({ details }, `tracing: ${message}`),
    debug: (message, ...details) => logger.debug({ details }, `tracing: ${message}`),
    verbose: (message, ...details) => logger.trace({ details }, `tracing: ${message}`)
  }, { logLevel: DiagLogLevel.WARN })

  const { SERVICE_VERSION, HOSTNAME, POD_NAMESPACE } = config
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes({
      'service.version': SERVICE_VERSION,
      'service.instance.id': HOSTNAME,
      ...(POD_NAMESPACE === undefined
        ? { 'service.name': name }
        : { 'service.name': `${name}.${POD_NAMESPACE}`, 'k8s.namespace.name': POD_NAMESPACE, 'k8s.pod.name': HOSTNAME }) // the name that Istio's proxies have for it
    })),
    resourceDetectors: [envDetector], // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which take precedence
    sampler: samplerFor(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    textMapPropagator: null,
    metricReaders: [],
    logRecordProcessors: []
  })
  sdk.start()
  return { tracer: trace.getTracer('outfitters'), propagator: propagatorFor(config.OTEL_PROPAGATORS), shutdown: () => sdk.shutdown() }
}

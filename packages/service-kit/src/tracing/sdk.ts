import { diag, DiagLogLevel, trace, type Attributes, type DiagLogFunction } from '@opentelemetry/api'
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { propagatorFor } from './propagator.ts'
import { samplerFor } from './sampler.ts'
import { listOf, type Telemetry } from './types.ts'

/** Starts OpenTelemetry's SDK, only for traces: Prometheus scrapes the metrics, and the log goes to stdout. */
export function startSdk (name: string, config: BaseConfig, logger: FastifyBaseLogger): Telemetry {
  logTo(logger, config.OTEL_LOG_LEVEL)
  ignoreUnknownExporters(config.OTEL_TRACES_EXPORTER)
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes(attributesOf(name, config))),
    resourceDetectors: [envDetector], // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which take precedence
    sampler: samplerFor(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    textMapPropagator: null,
    metricReaders: [],
    logRecordProcessors: []
  })
  sdk.start()
  return {
    tracer: trace.getTracer('outfitters'),
    propagator: propagatorFor(config.OTEL_PROPAGATORS),
    shutdown: () => sdk.shutdown()
  }
}

function attributesOf (name: string, { SERVICE_VERSION, HOSTNAME, POD_NAMESPACE }: BaseConfig): Attributes {
  const instance = { 'service.version': SERVICE_VERSION, 'service.instance.id': HOSTNAME }
  if (POD_NAMESPACE === undefined) return { 'service.name': name, ...instance }
  return {
    'service.name': `${name}.${POD_NAMESPACE}`, // Istio's proxies use the same name
    ...instance,
    'k8s.namespace.name': POD_NAMESPACE,
    'k8s.pod.name': HOSTNAME
  }
}

const EXPORTERS = ['otlp', 'zipkin', 'console']

/** By the specification, an unknown exporter counts as unset. The SDK itself would then make no traces at all. */
function ignoreUnknownExporters (configured = 'otlp'): void {
  if (listOf(configured).some(name => EXPORTERS.includes(name))) return
  const known = [...EXPORTERS, 'none'].join(', ')
  diag.warn(`OTEL_TRACES_EXPORTER is "${configured}", which is not one of ${known}; otlp is used instead`)
  delete process.env['OTEL_TRACES_EXPORTER'] // the SDK reads it from here
}

/** Writes the SDK's own messages to the service's log: from OTEL_LOG_LEVEL up, or else from info and LOG_LEVEL up. */
function logTo (logger: FastifyBaseLogger, name: string | undefined): void {
  const level = LEVELS.get(name?.trim().toLowerCase())
  const log = level === undefined ? logger : logger.child({}, { level: 'trace' })
  const line = (as: 'warn' | 'info' | 'debug' | 'trace'): DiagLogFunction => (message, ...details) => {
    log[as](details.length > 0 ? { details } : {}, `tracing: ${message}`)
  }
  diag.setLogger({
    error: line('warn'), // if tracing fails, the service still works
    warn: line('warn'),
    info: line('info'),
    debug: line('debug'),
    verbose: line('trace')
  }, { logLevel: level ?? DiagLogLevel.INFO })
  if (name !== undefined && level === undefined) {
    diag.warn(`OTEL_LOG_LEVEL is "${name}", which is not one of ${[...LEVELS.keys()].join(', ')}; info is used instead`)
  }
  delete process.env['OTEL_LOG_LEVEL'] // with it, the SDK would replace this logger with the console
}

const LEVELS = new Map<string | undefined, DiagLogLevel>([
  ['none', DiagLogLevel.NONE],
  ['error', DiagLogLevel.ERROR],
  ['warn', DiagLogLevel.WARN],
  ['info', DiagLogLevel.INFO],
  ['debug', DiagLogLevel.DEBUG],
  ['verbose', DiagLogLevel.VERBOSE],
  ['all', DiagLogLevel.ALL]
])

import { diag, DiagLogLevel, trace, type DiagLogFunction } from '@opentelemetry/api'
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { FastifyBaseLogger } from 'fastify'
import type { BaseConfig } from '../config.ts'
import { propagatorFor } from './propagator.ts'
import { samplerFor } from './sampler.ts'
import { listOf, type Telemetry } from './types.ts'

/** Starts OpenTelemetry's SDK for traces alone: metrics are Prometheus' to fetch, and the log goes to stdout. */
export function startSdk (name: string, config: BaseConfig, logger: FastifyBaseLogger): Telemetry {
  logTo(logger, config.OTEL_LOG_LEVEL)
  checkExporters(config.OTEL_TRACES_EXPORTER)
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

const EXPORTERS = ['otlp', 'zipkin', 'console']

/** Where it knows no exporter that is named, the SDK would make no trace at all; by the specification, such a value counts as unset. */
function checkExporters (configured = 'otlp'): void {
  if (listOf(configured).some(name => EXPORTERS.includes(name))) return
  diag.warn(`OTEL_TRACES_EXPORTER is "${configured}", which is none of ${EXPORTERS.join(', ')}, none; it is taken for otlp`)
  delete process.env['OTEL_TRACES_EXPORTER'] // which the SDK reads by itself
}

/** Has what the SDK says of itself stand in the service's log, from OTEL_LOG_LEVEL up; without that, from info and from LOG_LEVEL up. */
function logTo (logger: FastifyBaseLogger, name: string | undefined): void {
  const level = LEVELS.get(name?.trim().toLowerCase())
  const log = level === undefined ? logger : logger.child({}, { level: 'trace' })
  const line = (as: 'warn' | 'info' | 'debug' | 'trace'): DiagLogFunction => (message, ...details) => log[as](details.length > 0 ? { details } : {}, `tracing: ${message}`)
  const logLevel = level ?? DiagLogLevel.INFO
  diag.setLogger({ error: line('warn'), warn: line('warn'), info: line('info'), debug: line('debug'), verbose: line('trace') }, { logLevel }) // an error of the tracing is none of the service
  if (name !== undefined && level === undefined) diag.warn(`OTEL_LOG_LEVEL is "${name}", which is none of ${[...LEVELS.keys()].join(', ')}; it is taken for info`)
  delete process.env['OTEL_LOG_LEVEL'] // for which the SDK would put the console in the place of this
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

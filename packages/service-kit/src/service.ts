import { randomUUID } from 'node:crypto'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type RawReplyDefaultExpression, type RawRequestDefaultExpression, type RawServerDefault } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { accessLog } from './access-log.ts'
import { answered } from './answered.ts'
import { bodies } from './bodies.ts'
import { closing } from './closing.ts'
import type { BaseConfig } from './config.ts'
import { docs, openapi } from './docs.ts'
import { errorAnswers } from './errors.ts'
import { faults } from './faults/plugin.ts'
import { health } from './health.ts'
import { identity, identityHeaders } from './identity.ts'
import { logLevel } from './log-level.ts'
import { metrics } from './metrics.ts'
import { operational } from './operational.ts'
import { routable } from './paths.ts'
import { MAX_HEADER_BYTES, parserOptions, REQUEST_TIMEOUT_MS, refusals } from './refusals.ts'
import { tracing } from './tracing/plugin.ts'
import type { Telemetry } from './tracing/types.ts'

/** A Fastify instance whose handlers take their types from TypeBox schemas. */
export type Service = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider>

/** What a service says of itself. */
export interface ServiceOptions {
  /** As it is called in the mesh. */
  name: string
  /** One sentence, for the API's documentation. */
  description: string
  logger: FastifyBaseLogger
  telemetry?: Telemetry | undefined
  /** What the request line and the headers of a request may have together; bytes. */
  maxHeaderBytes?: number
  /** Which paths faults hit when a rule does not say. */
  isBusinessPath: (path: string) => boolean
}

/** As much as a request line can hold: a parameter that nothing has is a 404, however long it is. */
const MAX_PARAM_LENGTH = MAX_HEADER_BYTES

/** Longer than the hour after which Envoy closes an idle connection: the one who may be about to send must be the one who closes. */
const KEEP_ALIVE_MS = 65 * 60 * 1000

/**
 * What every service is: the same log line, metrics, traces, error answers, probes, faults and documentation, in the order in which a
 * request meets them. The routes are the service's own to add.
 */
export function createService (config: BaseConfig, options: ServiceOptions): Service {
  const { name, description, logger, telemetry, maxHeaderBytes = MAX_HEADER_BYTES, isBusinessPath } = options
  const app: Service = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // access-log.ts has the line
    childLoggerFactory: service => service, // a logger of its own for each request costs more than its line; say requestId where it matters
    requestIdHeader: 'x-request-id',
    genReqId: () => randomUUID(),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    rewriteUrl: ({ url = '/' }) => routable(url),
    http: parserOptions(maxHeaderBytes),
    bodyLimit: 64 * 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false, // what reaches a closing server is served: the mesh may not have heard yet
    // Without validateSchema: TypeBox's types have checked the schemas, and Ajv's check would be a twentieth of a start.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true, verbose: true, validateSchema: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.register(operational)
  app.register(openapi, { title: name, description, version: config.SERVICE_VERSION })
  app.register(answered)
  app.register(closing)
  app.register(tracing, { telemetry })
  app.register(accessLog)
  app.register(metrics, { ...config, name })
  app.register(identity, config)
  app.register(errorAnswers)
  app.register(refusals, {
    maxHeaderBytes,
    headers: identityHeaders(config),
    onRefusal: refusal => app.countRefusal(refusal)
  })
  app.register(bodies)
  app.register(health)
  app.register(logLevel)
  app.register(docs)
  app.register(faults, { ...config, isBusinessPath })
  return app
}

import { randomUUID } from 'node:crypto'
import Fastify, {
  LogController, type FastifyBaseLogger, type FastifyInstance, type RawReplyDefaultExpression,
  type RawRequestDefaultExpression, type RawServerDefault
} from 'fastify'
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
import { requestLimits } from './in-progress.ts'
import { logLevel } from './log-level.ts'
import { metrics } from './metrics.ts'
import { operational } from './operational.ts'
import { routable } from './paths.ts'
import { MAX_HEADER_BYTES, parserOptions, REQUEST_TIMEOUT_MS, refusals } from './refusals.ts'
import { routeTable, unrouted } from './unrouted.ts'
import { tracing } from './tracing/plugin.ts'
import type { Telemetry } from './tracing/types.ts'

/** A Fastify instance whose handlers take their types from TypeBox schemas. */
export type Service = FastifyInstance<
  RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider
>

/** What a service adds to its configuration. */
export interface ServiceOptions {
  /** The service's name in the mesh. */
  name: string
  /** One sentence for the API's documentation. */
  description: string
  logger: FastifyBaseLogger
  /** Undefined if tracing is off. */
  telemetry?: Telemetry | undefined
  /** The limit for the request line and the headers of a request together; bytes. */
  maxHeaderBytes?: number
  /** Whether faults hit a path if their rule names none. */
  isBusinessPath: (path: string) => boolean
}

// A parameter may be as long as a request line, so that a long one that matches nothing is a 404 like a short one.
const ROUTER_OPTIONS = { ignoreTrailingSlash: true, maxParamLength: MAX_HEADER_BYTES } as const

/**
 * Longer than the hour after which Envoy closes an idle connection. Envoy must close first: if we did, it could send a
 * request on a connection that we are closing.
 */
const KEEP_ALIVE_MS = 65 * 60 * 1000

/** How long a client may read nothing of its answer; milliseconds. No fault delays a request this long. */
const STALLED_MS = 120_000

// Without validateSchema: TypeBox's types have checked the schemas, and Ajv's check would take a twentieth of a start.
const AJV_OPTIONS = {
  coerceTypes: false, removeAdditional: false, allErrors: true, verbose: true, validateSchema: false
} as const

/**
 * Makes what all services have in common: log lines, metrics, traces, error answers, probes, faults and documentation,
 * in the order in which a request meets them. Each service adds its own routes.
 */
export function createService (config: BaseConfig, options: ServiceOptions): Service {
  const { name, description, logger, telemetry, maxHeaderBytes = MAX_HEADER_BYTES, isBusinessPath } = options
  const app: Service = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // access-log.ts logs requests
    // A logger for each request would cost more than the request's line. Log the requestId where it matters.
    childLoggerFactory: service => service,
    requestIdHeader: 'x-request-id',
    genReqId: () => randomUUID(),
    routerOptions: ROUTER_OPTIONS,
    rewriteUrl: ({ url = '/' }) => routable(url),
    http: parserOptions(maxHeaderBytes),
    bodyLimit: 64 * 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: STALLED_MS,
    return503OnClosing: false, // a closing server answers, because the mesh may still send requests to it
    ajv: { customOptions: AJV_OPTIONS }
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.register(operational)
  app.register(routeTable, ROUTER_OPTIONS)
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
  app.register(requestLimits)
  app.register(bodies)
  app.register(health)
  app.register(logLevel)
  app.register(docs)
  app.register(faults, { ...config, isBusinessPath })
  app.register(unrouted)
  return app
}

import { hostname } from 'node:os'
import { Ajv } from 'ajv'
import type { Static, TObject } from 'typebox'
import { bracketed } from './addresses.ts'
import { Type } from './schema.ts'

/** The pattern of a version, which is a header's value and a label of metrics. */
export const VERSION_PATTERN = '^[A-Za-z0-9._-]{1,32}$'

/** The log levels, from the one that logs everything to the one that logs nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const optional = (description: string) => Type.Optional(Type.String({ description }))

/** The variables that every service reads. A service spreads them into its own schema. */
export const baseConfig = {
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'the port to listen on; 0 takes any free one' }),
  HOST: optional('the address to listen on; all addresses, IPv6 and IPv4, when unset'),
  LOG_LEVEL: Type.Enum(LOG_LEVELS, { default: 'info' }),
  SERVICE_VERSION: Type.String({
    default: 'v1', pattern: VERSION_PATTERN, description: 'shown as x-served-version and in every metric'
  }),
  HOSTNAME: Type.String({
    default: hostname(), pattern: '^[!-~]{1,253}$', description: "this instance's name; in Kubernetes the pod's"
  }),
  POD_NAMESPACE: Type.Optional(Type.String({
    pattern: '^[a-z0-9-]{1,63}$', description: "the pod's namespace, for traces and for the commands on the page"
  })),
  DRAIN_DELAY_MS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 60_000,
    description: 'milliseconds between failing readiness and closing, at SIGTERM'
  }),
  CHAOS_ACCESS: Type.Enum(['local', 'any', 'off'], { default: 'local', description: 'who may read and set faults' }),
  CHAOS_SEED: optional('replays the faults of an earlier process; random when unset'),
  // These variables decide whether and how traces are made. The OpenTelemetry SDK reads the other OTEL_* variables.
  // The schema does not check their values: the specification asks for a warning about an invalid value and the
  // default instead. Only an endpoint is checked, because it has no default.
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({
    format: 'http-url', description: 'the OTLP endpoint for traces; without it, tracing is off'
  })),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(Type.String({
    format: 'http-url', description: 'the same, with its path'
  })),
  OTEL_PROPAGATORS: optional('the headers that carry traces: tracecontext, baggage, b3, b3multi, none'),
  OTEL_TRACES_EXPORTER: optional('the exporter for traces, by default otlp; with none, tracing is off'),
  OTEL_TRACES_SAMPLER: optional('decides which traces are made'),
  OTEL_TRACES_SAMPLER_ARG: optional('the share of traces, from 0 to 1'),
  OTEL_SDK_DISABLED: optional('true: tracing is off'),
  OTEL_LOG_LEVEL: optional('the lowest level at which tracing logs about itself')
}

/** The variables that only services with upstreams read. */
export const upstreamConfig = {
  UPSTREAM_TIMEOUT_MS: Type.Integer({
    default: 15_000,
    minimum: 1,
    maximum: 300_000,
    description: 'milliseconds; above any timeout that an exercise sets in the mesh'
  })
}

/** Configuration that every service has. */
export type BaseConfig = Static<TObject<typeof baseConfig>>

/** Everything that is wrong with an environment, one line for each mistake. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly mistakes: string[]

  constructor (mistakes: string[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
    super(`The environment has ${count}:\n${mistakes.map(mistake => `  ${mistake}`).join('\n')}`)
    this.mistakes = mistakes
  }
}

const HOST_PATTERN = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$/

// Without validateSchema: Ajv would first check our schema against the schema of JSON Schema, which takes a tenth of a
// service's startup time. TypeBox's types have checked it already.
const OPTIONS = { allErrors: true, coerceTypes: true, removeAdditional: true, useDefaults: true, validateSchema: false }

/** An Ajv for environments. Its formats check what a pattern cannot: 1.2.3.4.5 looks like a host but is not one. */
function environmentAjv (): Ajv {
  return new Ajv(OPTIONS)
    .addFormat('http-url', (value: string) => /^https?:\/\/[^\s@#]+$/.test(value) && URL.canParse(value))
    .addFormat('host', (value: string) => {
      const host = bracketed(value)
      return HOST_PATTERN.test(host) && URL.canParse(`http://${host}`)
    })
}

interface SchemaError {
  instancePath: string
  message?: string
  params: { missingProperty?: string, allowedValues?: unknown[] }
}

type Environment = Record<string, string | undefined>

/**
 * Reads a configuration from `env`. Variables that the schema does not name are ignored. An empty variable counts as
 * unset, because compose files pass unset variables as empty ones. A schema may use the formats `http-url` and `host`.
 *
 * @throws {ConfigError} naming every mistake at once
 */
export function parseConfig<Schema extends TObject> (schema: Schema, env: Environment): Static<Schema> {
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const validate = environmentAjv().compile<Static<Schema>>({ ...schema, additionalProperties: false })
  if (validate(data)) return data
  throw new ConfigError((validate.errors as SchemaError[]).map(({ instancePath, message, params }) => {
    const name = params.missingProperty ?? instancePath.slice(1)
    if (params.missingProperty !== undefined) return `${name} is missing`
    const wanted = params.allowedValues === undefined ? message : `must be one of ${params.allowedValues.join(', ')}`
    return `${name} ${wanted}, but is ${JSON.stringify(env[name])}`
  }))
}

/** Does `parseConfig` for an executable: if there are mistakes, prints them all to stderr and exits with code 1. */
export function loadConfig<Schema extends TObject> (schema: Schema, env: Environment): Static<Schema> {
  try {
    return parseConfig(schema, env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}

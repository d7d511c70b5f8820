import { hostname } from 'node:os'
import { Ajv } from 'ajv'
import { Type, type Static, type TObject } from 'typebox'
import { bracketed } from './addresses.ts'

/** What may stand as a version. */
export const VERSION_PATTERN = '^[A-Za-z0-9._-]{1,32}$'

/** From the most talkative to none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** What every service reads from its environment. A service spreads these into its own schema. */
export const baseConfig = {
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'the port to listen on; 0 takes any free one' }),
  HOST: Type.Optional(Type.String({ description: 'the address to listen on; all of them, IPv6 and IPv4, when unset' })),
  LOG_LEVEL: Type.Enum(LOG_LEVELS, { default: 'info' }),
  SERVICE_VERSION: Type.String({ default: 'v1', pattern: VERSION_PATTERN, description: 'shown as x-served-version and in every metric' }),
  HOSTNAME: Type.String({ default: hostname(), pattern: '^[!-~]{1,253}$', description: "this instance's name; in Kubernetes the pod's" }),
  POD_NAMESPACE: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: 'where the pod is, for traces' })),
  DRAIN_DELAY_MS: Type.Integer({ default: 0, minimum: 0, maximum: 60_000, description: 'milliseconds between failing readiness and closing, at SIGTERM' }),
  CHAOS_ACCESS: Type.Enum(['local', 'any', 'off'], { default: 'local', description: 'who may read and set faults' }),
  CHAOS_SEED: Type.Optional(Type.String({ description: 'replays the faults of an earlier process; random when unset' })),
  // What decides whether and how traces are made; the OpenTelemetry SDK reads the other OTEL_* by itself. No schema
  // stands in for the specification, which wants a mistaken value warned of and ignored; an endpoint has nothing that could be its default.
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ format: 'http-url', description: 'where traces go, by OTLP; without it nobody traces' })),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(Type.String({ format: 'http-url', description: 'the same, with its path' })),
  OTEL_PROPAGATORS: Type.Optional(Type.String({ description: 'by which headers traces go on: tracecontext, baggage, b3, b3multi, none' })),
  OTEL_TRACES_EXPORTER: Type.Optional(Type.String({ description: 'what takes the traces, otlp by default; none makes none' })),
  OTEL_TRACES_SAMPLER: Type.Optional(Type.String({ description: 'which traces are made' })),
  OTEL_TRACES_SAMPLER_ARG: Type.Optional(Type.String({ description: 'the share of traces, from 0 to 1' })),
  OTEL_SDK_DISABLED: Type.Optional(Type.String({ description: 'true: nobody traces' })),
  OTEL_LOG_LEVEL: Type.Optional(Type.String({ description: 'from which level up the tracing speaks of itself' }))
}

/** What a service that calls upstreams reads besides. */
export const upstreamConfig = {
  UPSTREAM_TIMEOUT_MS: Type.Integer({ default: 15_000, minimum: 1, maximum: 300_000, description: 'milliseconds; above any timeout that an exercise sets in the mesh' })
}

/** Configuration that every service has. */
export type BaseConfig = Static<TObject<typeof baseConfig>>

/** All that is wrong with an environment, one line a mistake. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly mistakes: string[]

  constructor (mistakes: string[]) {
    super(`The environment has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map(mistake => `  ${mistake}`).join('\n')}`)
    this.mistakes = mistakes
  }
}

const HOST = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$/

// Ajv would check our schema against the schema of JSON Schema first, which is a tenth of a service's start. TypeBox's types
// have checked it already.
const OPTIONS = { allErrors: true, coerceTypes: true, removeAdditional: true, useDefaults: true, validateSchema: false }

/** An Ajv for environments. It has formats for what a pattern cannot tell: 1.2.3.4.5 looks like a host and is none. */
function environmentAjv (): Ajv {
  return new Ajv(OPTIONS)
    .addFormat('http-url', (value: string) => /^https?:\/\/[^\s@#]+$/.test(value) && URL.canParse(value))
    .addFormat('host', (value: string) => HOST.test(bracketed(value)) && URL.canParse(`http://${bracketed(value)}`))
}

interface SchemaError {
  instancePath: string
  message?: string
  params: { missingProperty?: string, allowedValues?: unknown[] }
}

/**
 * Reads a configuration out of `env`. Variables that the schema does not name are ignored, and an empty one counts as unset (that is
 * how compose files hand on what is not there). A schema may use the formats `http-url` and `host`.
 *
 * @throws {ConfigError} naming every mistake at once
 */
export function parseConfig<Schema extends TObject> (schema: Schema, env: Record<string, string | undefined>): Static<Schema> {
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

/** `parseConfig` for an executable: a mistaken environment ends the start with every mistake on stderr and exit code 1. */
export function loadConfig<Schema extends TObject> (schema: Schema, env: Record<string, string | undefined>): Static<Schema> {
  try {
    return parseConfig(schema, env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}

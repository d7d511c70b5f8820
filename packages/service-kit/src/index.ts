export { describeListening, listenOptions, originOf } from './addresses.ts'
export { jsonParser, NoBody } from './bodies.ts'
export { callerOf, type Caller } from './caller.ts'
export {
  baseConfig, ConfigError, loadConfig, parseConfig, upstreamConfig, VERSION_PATTERN, type BaseConfig
} from './config.ts'
export { ErrorAnswer, errorAnswers, problemsOf } from './errors.ts'
export { forwardIdentity, type Identity } from './identity.ts'
export { createLogger } from './logging.ts'
export { pathOf, routable } from './paths.ts'
export {
  isPropagated, PROPAGATED_HEADERS, PROPAGATED_PREFIX, propagatedHeaders, type Trust
} from './propagation.ts'
export { MAX_FORWARDED_HEADER_BYTES, MAX_HEADER_BYTES, parserOptions, refusals } from './refusals.ts'
export { RequestError, sentence, type Problem } from './request-error.ts'
export { run } from './run.ts'
export { createService, type Service } from './service.ts'
export { startTelemetry } from './tracing/telemetry.ts'
export type { Telemetry } from './tracing/types.ts'

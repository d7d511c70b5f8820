import { Type, type Static } from 'typebox'
import { RequestError, type Problem } from '../request-error.ts'

/** Nothing that a rule does to a request takes longer. */
export const MAX_DELAY_MS = 60_000

const Milliseconds = Type.Number({ minimum: 0, maximum: MAX_DELAY_MS })

/** A rule as it is sent to `POST /blowup`. Which fields go with which type is checked by `checkRule`. */
export const RuleInput = Type.Object({
  name: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'letters, digits, dots, dashes and underscores; by default the type. A rule of the same name is replaced' })),
  active: Type.Optional(Type.Boolean({ description: 'by default true' })),
  type: Type.Enum(['500', 'abort', 'latency', 'drop'], { description: 'what happens to a request that is hit' }),
  percentage: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'of the requests, by chance, decimals allowed; 0 is never, 100 (the default) always' })),

  status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599, description: 'abort: the status to answer with' })),

  latencyMs: Type.Optional(Type.Number({ minimum: 0, maximum: MAX_DELAY_MS, description: 'latency: how long, by default 1000' })),
  volatile: Type.Optional(Type.Boolean({ description: 'latency: anything between 0 and latencyMs' })),
  distribution: Type.Optional(Type.Enum(['fixed', 'uniform', 'lognormal', 'percentiles'], { description: 'latency: how the delay is drawn' })),
  minMs: Type.Optional(Type.Number({ minimum: 0, maximum: MAX_DELAY_MS, description: 'latency, uniform: the shortest, by default 0' })),
  maxMs: Type.Optional(Type.Number({ minimum: 0, maximum: MAX_DELAY_MS, description: 'latency, uniform: the longest' })),
  medianMs: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: MAX_DELAY_MS, description: 'latency, lognormal: half are shorter' })),
  p99Ms: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: MAX_DELAY_MS, description: 'latency, lognormal: one of a hundred is longer' })),
  percentiles: Type.Optional(Type.Record(Type.String({ pattern: '^(100|[0-9]{1,2}([.][0-9]{1,6})?)$' }), Milliseconds, {
    minProperties: 1,
    additionalProperties: false,
    description: 'latency, percentiles: {"50": 20, "90": 100, "99": 900}, interpolated; none is longer than the last'
  })),

  mode: Type.Optional(Type.Enum(['fin', 'rst', 'hang'], { description: 'drop: close (the default), reset, or hold the connection; no answer in any case' })),
  hangMs: Type.Optional(Type.Number({ minimum: 1, maximum: MAX_DELAY_MS, description: 'drop, hang: how long before it is closed, by default 30000' })),

  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e9, description: 'the rule ends after that many hits' })),
  durationMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 24 * 60 * 60 * 1000, description: 'the rule ends after that time' })),
  scope: Type.Optional(Type.Object({
    path: Type.Optional(Type.String({ pattern: '^/[^?#]*$', maxLength: 256, description: 'a path without query, like /items: it and all below it, in place of the business paths' })),
    method: Type.Optional(Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])),
    header: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }), Type.String({ maxLength: 256 }), {
      minProperties: 1,
      maxProperties: 8,
      additionalProperties: false,
      description: 'all of these must have exactly these values'
    }))
  }, { minProperties: 1, additionalProperties: false, description: 'which requests may be hit; all that is named must fit' }))
}, { additionalProperties: false, title: 'FaultRule' })
export type RuleInput = Static<typeof RuleInput>

/** A rule with its defaults filled in. */
export type FaultRule = RuleInput & Required<Pick<RuleInput, 'name' | 'active' | 'type' | 'percentage'>>

const ANY_TYPE = ['name', 'active', 'type', 'percentage', 'count', 'durationMs', 'scope']
const BY_TYPE = {
  500: [],
  abort: ['status'],
  latency: ['latencyMs', 'volatile', 'distribution', 'minMs', 'maxMs', 'medianMs', 'p99Ms', 'percentiles'],
  drop: ['mode', 'hangMs']
} as const
const BY_DISTRIBUTION = {
  fixed: ['latencyMs'],
  uniform: ['minMs', 'maxMs'],
  lognormal: ['medianMs', 'p99Ms'],
  percentiles: ['percentiles']
} as const

/**
 * Fills in the defaults of a rule that fits its schema.
 *
 * @throws {RequestError} 400 FAULT_RULE_INVALID, naming every field that makes no sense beside the others
 */
export function checkRule (input: RuleInput): FaultRule {
  const problems = [...misplaced(input), ...missing(input), ...contradictory(input)]
  if (problems.length > 0) throw RequestError.invalid('FAULT_RULE_INVALID', problems)

  const { name = input.type, active = true, type, percentage = 100, ...rest } = input
  return { name, active, type, percentage, ...defaultsOf(input), ...rest }
}

function misplaced (rule: RuleInput): Problem[] {
  const fitting = new Set<string>([...ANY_TYPE, ...BY_TYPE[rule.type]])
  const problems = Object.keys(rule)
    .filter(field => !fitting.has(field))
    .map(field => ({ where: `body/${field}`, what: `does not belong to a rule of type ${rule.type}` }))

  if (rule.type === 'latency') {
    const { distribution } = rule
    const own: readonly string[] = distribution === undefined ? ['latencyMs', 'volatile'] : BY_DISTRIBUTION[distribution]
    const reason = distribution === undefined ? 'needs a distribution beside it' : `does not belong to the distribution ${distribution}`
    for (const field of BY_TYPE.latency) {
      if (field !== 'distribution' && field in rule && !own.includes(field)) problems.push({ where: `body/${field}`, what: reason })
    }
  }
  if (rule.hangMs !== undefined && rule.type === 'drop' && rule.mode !== 'hang') {
    problems.push({ where: 'body/hangMs', what: 'belongs to the mode hang alone' })
  }
  return problems
}

function missing (rule: RuleInput): Problem[] {
  const needed = rule.type === 'abort'
    ? ['status' as const]
    : rule.type === 'latency'
      ? ({ fixed: [], uniform: ['maxMs'], lognormal: ['medianMs', 'p99Ms'], percentiles: ['percentiles'] } as const)[rule.distribution ?? 'fixed']
      : []
  return needed.filter(field => rule[field] === undefined).map(field => ({
    where: `body/${field}`,
    what: `is needed by ${rule.type === 'latency' ? `the distribution ${rule.distribution}` : `type ${rule.type}`}`
  }))
}

function contradictory ({ minMs = 0, maxMs = Infinity, medianMs = 0, p99Ms = Infinity, percentiles = {} }: RuleInput): Problem[] {
  const problems: Problem[] = []
  if (minMs > maxMs) problems.push({ where: 'body/minMs', what: `must not be above maxMs (${maxMs})` })
  if (medianMs > p99Ms) problems.push({ where: 'body/medianMs', what: `must not be above p99Ms (${p99Ms})` })

  const table = tableOf(percentiles)
  table.forEach(([percentile, ms], index) => {
    const before = table[index - 1]
    if (before === undefined) return
    if (before[0] === percentile) problems.push({ where: 'body/percentiles', what: `names the percentile ${percentile} twice` })
    if (before[1] > ms) problems.push({ where: `body/percentiles/${percentile}`, what: `must not be below percentile ${before[0]} (${before[1]})` })
  })
  return problems
}

function defaultsOf ({ type, mode, distribution }: RuleInput): Partial<RuleInput> {
  if (type === 'latency' && (distribution === undefined || distribution === 'fixed')) return { latencyMs: 1000 }
  if (type === 'latency' && distribution === 'uniform') return { minMs: 0 }
  if (type === 'drop') return mode === 'hang' ? { mode, hangMs: 30_000 } : { mode: 'fin' }
  return {}
}

/** A percentile table as pairs of percentile and milliseconds, in rising order of percentile. */
export function tableOf (percentiles: Record<string, number>): [percentile: number, ms: number][] {
  return Object.entries(percentiles)
    .map(([percentile, ms]): [number, number] => [Number(percentile), ms])
    .sort(([a], [b]) => a - b)
}

import type { Static, TObject } from 'typebox'
import type { Problem } from '../../request-error.ts'
import { Type } from '../../schema.ts'
import { interpolate, lognormal, tableOf, type PercentileTable } from '../distributions.ts'
import type { DelayingFault } from '../fault-type.ts'
import { MAX_DELAY_MS } from '../limits.ts'

const DEFAULT_LATENCY_MS = 1000

const milliseconds = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: MAX_DELAY_MS, description }))
const positiveMilliseconds = (description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: MAX_DELAY_MS, description }))

const Percentile = Type.String({ pattern: '^(100|[0-9]{1,2}([.][0-9]{1,6})?)$' })

const fields = {
  latencyMs: milliseconds('latency: how long, by default 1000'),
  volatile: Type.Optional(Type.Boolean({ description: 'latency: anything between 0 and latencyMs' })),
  distribution: Type.Optional(Type.Enum(['fixed', 'uniform', 'lognormal', 'percentiles'], {
    description: 'latency: how the delay is drawn'
  })),
  minMs: milliseconds('latency, uniform: the shortest delay, by default 0'),
  maxMs: milliseconds('latency, uniform: the longest delay'),
  medianMs: positiveMilliseconds('latency, lognormal: half of the delays are shorter'),
  p99Ms: positiveMilliseconds('latency, lognormal: one delay of a hundred is longer'),
  percentiles: Type.Optional(Type.Record(Percentile, Type.Number({ minimum: 0, maximum: MAX_DELAY_MS }), {
    minProperties: 1,
    maxProperties: 20,
    additionalProperties: false,
    description: 'latency, percentiles: {"50": 20, "90": 100, "99": 900}, interpolated; none is longer than the last'
  }))
}

type Fields = Static<TObject<typeof fields>>

type LatencySettings =
  | { distribution?: 'fixed', latencyMs: number, volatile?: boolean }
  | { distribution: 'uniform', minMs: number, maxMs: number }
  | { distribution: 'lognormal', medianMs: number, p99Ms: number }
  | { distribution: 'percentiles', percentiles: Record<string, number> }

/** Delays the request. */
export const latency: DelayingFault<'latency', typeof fields, LatencySettings> = {
  type: 'latency',
  fields,

  settingsOf (sent) {
    const misplaced = misplacedFields(sent)
    const settings = completed(sent)
    if (misplaced.length === 0) return settings
    return [...misplaced, ...(Array.isArray(settings) ? settings : [])]
  },

  contradictionsIn ({ minMs = 0, maxMs = Infinity, medianMs = 0, p99Ms = Infinity, percentiles = {} }) {
    const problems: Problem[] = []
    if (minMs > maxMs) problems.push({ where: 'body/minMs', what: `must not be above maxMs (${maxMs})` })
    if (medianMs > p99Ms) problems.push({ where: 'body/medianMs', what: `must not be above p99Ms (${p99Ms})` })
    return [...problems, ...contradictionsInTable(percentiles)]
  },

  delayMs (settings, draw) {
    switch (settings.distribution) {
      case 'uniform':
        return settings.minMs + draw() * (settings.maxMs - settings.minMs)
      case 'lognormal':
        return Math.min(MAX_DELAY_MS, lognormal(settings.medianMs, settings.p99Ms, draw))
      case 'percentiles':
        return interpolate(tableFor(settings.percentiles), draw() * 100)
      default:
        return settings.volatile === true ? draw() * settings.latencyMs : settings.latencyMs
    }
  }
}

const tables = new WeakMap<Record<string, number>, PercentileTable>()

/** The table of a rule's percentiles. It is sorted once for each rule, not for each request. */
function tableFor (percentiles: Record<string, number>): PercentileTable {
  const table = tables.get(percentiles) ?? tableOf(percentiles)
  tables.set(percentiles, table)
  return table
}

/** The fields that belong to each distribution, and those of a rule without a distribution. */
const FIELDS_OF = {
  none: ['latencyMs', 'volatile'],
  fixed: ['latencyMs'],
  uniform: ['minMs', 'maxMs'],
  lognormal: ['medianMs', 'p99Ms'],
  percentiles: ['percentiles']
} as const

function misplacedFields (sent: Fields): Problem[] {
  const { distribution } = sent
  const own: readonly string[] = ['distribution', ...FIELDS_OF[distribution ?? 'none']]
  const what = distribution === undefined
    ? 'needs a distribution'
    : `does not belong to the distribution ${distribution}`
  return Object.keys(fields)
    .filter(field => field in sent && !own.includes(field))
    .map(field => ({ where: `body/${field}`, what }))
}

function completed (sent: Fields): LatencySettings | Problem[] {
  const { distribution, latencyMs = DEFAULT_LATENCY_MS, volatile } = sent
  const { minMs = 0, maxMs, medianMs, p99Ms, percentiles } = sent
  const missing = (needed: Partial<Fields>) => Object.entries(needed)
    .filter(([, value]) => value === undefined)
    .map(([field]) => ({ where: `body/${field}`, what: `is needed by the distribution ${distribution}` }))

  switch (distribution) {
    case 'uniform':
      return maxMs === undefined ? missing({ maxMs }) : { minMs, distribution, maxMs }
    case 'lognormal':
      return medianMs === undefined || p99Ms === undefined
        ? missing({ medianMs, p99Ms })
        : { distribution, medianMs, p99Ms }
    case 'percentiles':
      return percentiles === undefined ? missing({ percentiles }) : { distribution, percentiles }
    case 'fixed':
      return { latencyMs, distribution }
    case undefined:
      return { latencyMs, ...(volatile !== undefined && { volatile }) }
  }
}

function contradictionsInTable (percentiles: Record<string, number>): Problem[] {
  const table = tableOf(percentiles)
  return table.slice(1).flatMap(([percentile, ms], index) => {
    const [percentileBefore, msBefore] = table[index] as [number, number]
    const problems: Problem[] = []
    if (percentileBefore === percentile) {
      problems.push({ where: 'body/percentiles', what: `names the percentile ${percentile} twice` })
    }
    if (msBefore > ms) {
      const what = `must not be below percentile ${percentileBefore} (${msBefore})`
      problems.push({ where: `body/percentiles/${percentile}`, what })
    }
    return problems
  })
}

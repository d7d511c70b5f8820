import { readFileSync } from 'node:fs'
import { expect, expectTypeOf, test } from 'vitest'
import { parseRule, uniteFields, type RuleBody } from '../../src/faults/rule.ts'
import { FAULT_TYPES } from '../../src/faults/types/index.ts'
import type { RequestError } from '../../src/request-error.ts'
import { Type } from '../../src/schema.ts'

function problemsOf (input: RuleBody): string[] {
  try {
    parseRule(input)
    return []
  } catch (error) {
    return (error as RequestError).problems?.map(({ where, what }) => `${where} ${what}`) ?? []
  }
}

test.each<[RuleBody, object]>([
  [{ active: true, type: '500', percentage: 50 }, {}],
  [{ active: false, type: '500' }, {}],
  [{ active: true, type: 'latency', latencyMs: 1000, volatile: true }, {}],
  [{ active: true, type: 'latency' }, { latencyMs: 1000 }],
  [{ active: true, type: 'drop', percentage: 50 }, { mode: 'fin' }],
  [{ type: 'drop', mode: 'hang' }, { hangMs: 30_000 }],
  [{ type: 'abort', status: 503, name: 'x' }, {}]
])("the book's rules and ours get their defaults: %j and %j", (input, defaults) => {
  expect(parseRule(input)).toEqual({ name: input.type, active: true, percentage: 100, ...input, ...defaults })
})

test.each<[RuleBody, string[]]>([
  [{ type: 'abort' }, ['body/status is needed by type abort']],
  [{ type: '500', status: 503 }, ['body/status does not belong to a rule of type 500']],
  [{ type: '500', latencyMs: 5, mode: 'rst' }, [
    'body/latencyMs does not belong to a rule of type 500',
    'body/mode does not belong to a rule of type 500'
  ]],
  [{ type: 'latency', maxMs: 5 }, ['body/maxMs needs a distribution']],
  [{ type: 'latency', distribution: 'uniform' }, ['body/maxMs is needed by the distribution uniform']],
  [{ type: 'latency', distribution: 'uniform', minMs: 9, maxMs: 5 }, ['body/minMs must not be above maxMs (5)']],
  [{ type: 'latency', distribution: 'lognormal', medianMs: 9, p99Ms: 5 }, [
    'body/medianMs must not be above p99Ms (5)'
  ]],
  [{ type: 'latency', distribution: 'lognormal', latencyMs: 5 }, [
    'body/latencyMs does not belong to the distribution lognormal',
    'body/medianMs is needed by the distribution lognormal',
    'body/p99Ms is needed by the distribution lognormal'
  ]],
  [{ type: 'latency', distribution: 'fixed', volatile: true }, [
    'body/volatile does not belong to the distribution fixed'
  ]],
  [{ type: 'latency', distribution: 'percentiles', percentiles: { 50: 20, 90: 10 } }, [
    'body/percentiles/90 must not be below percentile 50 (20)'
  ]],
  [{ type: 'latency', distribution: 'percentiles', percentiles: { 50: 20, '50.0': 20 } }, [
    'body/percentiles names the percentile 50 twice'
  ]],
  [{ type: 'drop', hangMs: 5 }, ['body/hangMs belongs only to the mode hang']]
])('a rule with mistakes is refused, and the error names each of them: %j', (input, problems) => {
  expect(problemsOf(input)).toEqual(problems)
})

test('the type of a rule says which other fields it has', () => {
  const rule = parseRule({ type: 'drop', mode: 'hang' })
  if (rule.type !== 'drop') throw new Error(`the rule has the type ${rule.type}`)
  if (rule.mode === 'hang') expectTypeOf(rule.hangMs).toEqualTypeOf<number>()
  else expectTypeOf(rule).not.toHaveProperty('hangMs')
})

test('two types of fault cannot have a field of the same name', () => {
  const [one, other] = ['one', 'other'].map(type => ({ type, fields: { status: Type.Optional(Type.Integer()) } }))
  expect(() => uniteFields([one, other] as Parameters<typeof uniteFields>[0]))
    .toThrow('The fault types one and other both have the field status.')
})

test.each(FAULT_TYPES)('docs/faults.md names the type $type and each of its fields', ({ type, fields }) => {
  const page = readFileSync(new URL('../../../../docs/faults.md', import.meta.url), 'utf8')
  for (const word of [type, ...Object.keys(fields)]) expect(page).toMatch(new RegExp(`\\b${word}\\b`))
})

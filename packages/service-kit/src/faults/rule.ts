import type { Static, TProperties } from 'typebox'
import { RequestError, type Problem } from '../request-error.ts'
import { Type } from '../schema.ts'
import type { FaultType } from './fault-type.ts'
import { FAULT_TYPES, faultTypeOf } from './types/index.ts'

type RegisteredType = typeof FAULT_TYPES[number]

/** Turns a union into an intersection: `A | B` becomes `A & B`. */
type Intersection<Union> =
  (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void ? All : never

const fieldsOfTypes = uniteFields(FAULT_TYPES) as Intersection<RegisteredType['fields']>

/**
 * The fields of all types in one object, as a rule has them.
 *
 * @throws {Error} when two types have a field of the same name: one schema would silently replace the other
 */
export function uniteFields (types: readonly Pick<FaultType, 'type' | 'fields'>[]): TProperties {
  const owners = new Map<string, string>()
  for (const { type, fields } of types) {
    for (const field of Object.keys(fields)) {
      const owner = owners.get(field)
      if (owner !== undefined) throw new Error(`The fault types ${owner} and ${type} both have the field ${field}.`)
      owners.set(field, type)
    }
  }
  return Object.assign({}, ...types.map(({ fields }) => fields)) as TProperties
}

const Name = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
  description: 'letters, digits, dots, dashes and underscores; by default the type'
})

const Percentage = Type.Number({
  minimum: 0,
  maximum: 100,
  description: 'the share of requests to hit, drawn for each; decimals allowed; 0 is never, 100 (the default) always'
})

const Path = Type.String({
  pattern: '^/[^?#]*$',
  maxLength: 256,
  description: 'a path without query, such as /items: it and all paths below it, instead of the business paths'
})

const HeaderName = Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' })

const Scope = Type.Object({
  path: Type.Optional(Path),
  method: Type.Optional(Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])),
  header: Type.Optional(Type.Record(HeaderName, Type.String({ maxLength: 256 }), {
    minProperties: 1,
    maxProperties: 8,
    additionalProperties: false,
    description: 'each of these headers must have exactly this value'
  }))
}, {
  minProperties: 1,
  additionalProperties: false,
  description: 'which requests may be hit; every condition must fit'
})

const DAY_MS = 24 * 60 * 60 * 1000

/** A rule as a client sends it to `POST /blowup`. `parseRule` checks which fields belong to which type. */
export const RuleBody = Type.Object({
  name: Type.Optional(Name),
  active: Type.Optional(Type.Boolean({ description: 'by default true' })),
  type: Type.Enum(FAULT_TYPES.map(({ type }) => type), { description: 'what happens to a request that is hit' }),
  percentage: Type.Optional(Percentage),
  ...fieldsOfTypes,
  count: Type.Optional(Type.Integer({
    minimum: 1, maximum: 1e9, description: 'the rule ends after that many hits'
  })),
  durationMs: Type.Optional(Type.Integer({
    minimum: 1, maximum: DAY_MS, description: 'the rule ends after that time'
  })),
  scope: Type.Optional(Scope)
}, { additionalProperties: false, title: 'FaultRule' })
export type RuleBody = Static<typeof RuleBody>

/** The settings of rules of every type, with the defaults filled in. */
interface CommonSettings {
  name: string
  active: boolean
  percentage: number
  count?: number
  durationMs?: number
  scope?: Static<typeof Scope>
}

type RuleOf<T extends RegisteredType> = T extends RegisteredType
  ? CommonSettings & { type: T['type'] } & Exclude<ReturnType<T['settingsOf']>, Problem[]>
  : never

/** A checked rule with its defaults filled in. Its `type` says which other fields it has. */
export type Rule = RuleOf<RegisteredType>

/**
 * Checks which fields of a rule belong together, and fills in its defaults. The rule must fit its schema.
 *
 * @throws {RequestError} 400 FAULT_RULE_INVALID, naming every field that does not fit the others
 */
export function parseRule (body: RuleBody): Rule {
  const settings = faultTypeOf(body).settingsOf(body)
  const problems = [
    ...foreignFields(body),
    ...(Array.isArray(settings) ? settings : []),
    ...FAULT_TYPES.flatMap((fault: FaultType) => fault.contradictionsIn?.(body) ?? [])
  ]
  if (problems.length > 0) throw RequestError.invalid('FAULT_RULE_INVALID', problems)

  const { name = body.type, active = true, type, percentage = 100, count, durationMs, scope } = body
  return {
    name,
    active,
    type,
    percentage,
    ...settings,
    ...(count !== undefined && { count }),
    ...(durationMs !== undefined && { durationMs }),
    ...(scope !== undefined && { scope })
  } as Rule
}

/** Names the fields that belong only to other types. */
function foreignFields (body: RuleBody): Problem[] {
  const own = faultTypeOf(body).fields
  return Object.keys(body)
    .filter(field => field in fieldsOfTypes && !(field in own))
    .map(field => ({ where: `body/${field}`, what: `does not belong to a rule of type ${body.type}` }))
}

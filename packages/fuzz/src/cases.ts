import fc, { type Arbitrary } from 'fast-check'
import { HOST } from '../../local/src/processes.ts'
import { differencesIn, type Operation, type Schema } from './document.ts'

/** A request for an operation. */
interface Case {
  path: string
  headers: Record<string, string>
  body?: string
}

/**
 * Sends generated requests for an operation: most of them fit the document, and others do not.
 *
 * @throws {Error} with the smallest request that was found, if an answer is a 5xx, or differs from the document
 */
export async function checkOperation (
  port: number, operation: Operation, { seed, runs }: { seed: number, runs: number }
): Promise<void> {
  await fc.assert(fc.asyncProperty(casesOf(operation), async ({ path, ...request }) => {
    const { method } = operation
    const options = { method, redirect: 'manual', signal: AbortSignal.timeout(20_000), ...request } as const
    const answer = await fetch(`http://${HOST}:${port}${path}`, options)
    const differences = await differencesIn(answer, operation)
    if (answer.status >= 500) differences.push(`the answer is ${answer.status}`)
    if (differences.length > 0) throw new Error(`${method} ${path}: ${differences.join('; ')}`)
  }), { seed, numRuns: runs, includeErrorInReport: true })
}

function casesOf ({ method, path, parameters = [], requestBody }: Operation): Arbitrary<Case> {
  const mostlyFitting = (schema: Schema) => fc.oneof({ weight: 4, arbitrary: fitting(schema) }, fc.string())
  const ofKind = (kind: string) => Object.fromEntries(parameters.filter(parameter => parameter.in === kind)
    .map(({ name, schema }) => [name, mostlyFitting(schema).filter(isNoDots)]))
  const [type = 'application/json', { schema = {} } = {}] = Object.entries(requestBody?.content ?? {})[0] ?? []
  return fc.record({
    params: fc.record(ofKind('path')),
    headers: fc.record(ofKind('header'), { requiredKeys: [] }),
    sent: method === 'GET' ? fc.constant(undefined) : bodies(schema, type)
  }).map(({ params, headers, sent }) => ({
    path: path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(String(params[name]))),
    headers: {
      ...sent && { 'content-type': sent.type },
      ...mapValues(headers, value => encodeURIComponent(String(value)))
    },
    ...sent && { body: sent.body }
  }))
}

/** Whether a value can be a part of a path: fetch removes `.` and `..`, and an empty part makes another path. */
function isNoDots (value: unknown): boolean {
  return !/^\.{0,2}$/.test(String(value))
}

const OTHER_TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'x/y', 'nonsense']

/** Bodies that fit a schema, bodies with one wrong property, JSON of other shapes, and texts of any type. */
function bodies (schema: Schema, type: string): Arbitrary<{ type: string, body: string } | undefined> {
  const encode = (value: unknown) => type === 'application/x-www-form-urlencoded'
    ? String(new URLSearchParams(value as Record<string, string>))
    : JSON.stringify(value) ?? ''
  const almostFitting = fc.tuple(fitting(schema), fc.string(), fc.jsonValue()).map(([value, name, other]) => {
    const names = Object.keys(Object(value))
    return { ...Object(value), [names[name.length % names.length] ?? name]: other }
  })
  const values: Arbitrary<unknown> = fc.oneof(
    { weight: 4, arbitrary: fitting(schema) },
    { weight: 3, arbitrary: almostFitting },
    { weight: 1, arbitrary: fc.jsonValue() }
  )
  return fc.oneof(
    { weight: 8, arbitrary: values.map(value => ({ type, body: encode(value) })) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom(...OTHER_TYPES), body: fc.string() }) },
    { weight: 1, arbitrary: fc.constant(undefined) }
  )
}

/** Values that fit a schema. */
function fitting (schema: Schema): Arbitrary<unknown> {
  const { type, enum: values, minimum, maximum, minLength, maxLength, pattern } = schema
  if (values !== undefined) return fc.constantFrom(...values)
  if (Array.isArray(type)) return fc.oneof(...type.map(one => fitting({ ...schema, type: one })))
  const limits = { ...minimum !== undefined && { min: minimum }, ...maximum !== undefined && { max: maximum } }
  switch (type) {
    case 'string': {
      if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
      const lengths = { minLength: minLength ?? 0, ...maxLength !== undefined && { maxLength } }
      return fc.string({ unit: 'grapheme', ...lengths })
    }
    case 'integer': return minimum === undefined && maximum === undefined ? fc.maxSafeInteger() : fc.integer(limits)
    case 'number': return fc.double({ noNaN: true, noDefaultInfinity: true, ...limits })
    case 'boolean': return fc.boolean()
    case 'null': return fc.constant(null)
    case 'array': return fc.array(fitting(schema.items ?? {}), { maxLength: 5 })
    case 'object': return objects(schema)
    default: return fc.jsonValue()
  }
}

function objects ({ properties = {}, required = [], propertyNames, additionalProperties, ...limits }: Schema) {
  const keys = propertyNames && fitting(propertyNames) as Arbitrary<string>
  if (keys !== undefined) {
    const { minProperties: minKeys = 0, maxProperties: maxKeys = 5 } = limits
    const values = typeof additionalProperties === 'object' ? fitting(additionalProperties) : fc.jsonValue()
    return fc.dictionary(keys, values, { minKeys, maxKeys })
  }
  const { minProperties = 0, maxProperties = Infinity } = limits
  return fc.record(mapValues(properties, fitting), { requiredKeys: required })
    .filter(value => Object.keys(value).length >= minProperties && Object.keys(value).length <= maxProperties)
}

function mapValues<A, B> (values: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]))
}

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { HOST } from '../../local/src/processes.ts'

/** A JSON schema, as far as the documents of the services use it. */
export interface Schema {
  type?: string | string[]
  enum?: unknown[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  minProperties?: number
  maxProperties?: number
  propertyNames?: Schema
  additionalProperties?: Schema | boolean
}

interface Documented {
  tags: string[]
  parameters?: { name: string, in: 'path' | 'query' | 'header', required?: boolean, schema: Schema }[]
  requestBody?: { required: boolean, content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

/** One method of one path, as the OpenAPI document of a service describes it. */
export interface Operation extends Documented {
  method: string
  path: string
}

/** Reads the operations of a service. Those that change the service itself, such as its faults, come last. */
export async function operationsOf (port: number): Promise<Operation[]> {
  const answer = await fetch(`http://${HOST}:${port}/docs/json`)
  const { paths } = await answer.json() as { paths: Record<string, Record<string, Documented>> }
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods)
    .map(([method, documented]): Operation => ({ method: method.toUpperCase(), path, ...documented })))
  return [...operations.filter(operation => !isAboutService(operation)), ...operations.filter(isAboutService)]
}

/** Whether an operation changes or shows the service itself: its faults or its log level. Faults never hit those. */
function isAboutService ({ path }: Operation): boolean {
  return ABOUT_SERVICE.test(path)
}

/** The paths of the operations about the service itself. */
export const ABOUT_SERVICE = /^\/(blowup|log-level|api\/chaos)/

const ajv = new Ajv2020({ strict: false })
const validators = new WeakMap<Schema, ValidateFunction>()

/** How an answer differs from the document: an undocumented status or media type, or a body of another shape. */
export async function differencesIn (answer: Response, { responses }: Operation): Promise<string[]> {
  const text = await answer.text()
  const documented = responses[answer.status]
  if (documented === undefined) return [`the status ${answer.status} is not documented: ${text.slice(0, 200)}`]
  const type = answer.headers.get('content-type')?.split(';')[0]
  if (documented.content === undefined) {
    return text === '' ? [] : [`the ${answer.status} has a body, and the document has none: ${text.slice(0, 200)}`]
  }
  const content = documented.content[type ?? '']
  if (content === undefined) return [`the media type ${type} of the ${answer.status} is not documented`]
  if (type !== 'application/json') return []
  return isValid(content.schema, JSON.parse(text)) ? [] : [`the ${answer.status} does not fit its schema: ${text}`]
}

/** Whether a value fits a schema. */
export function isValid (schema: Schema, value: unknown): boolean {
  const validate = validators.get(schema) ?? ajv.compile(schema)
  validators.set(schema, validate)
  return validate(value) as boolean
}

import fp from 'fastify-plugin'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { RouteOptions } from 'fastify'
import { ErrorAnswer } from './errors.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** The head of the OpenAPI document. */
export interface OpenapiOptions {
  title: string
  description: string
  version: string
}

/** The errors that any request can get before its route sees it. */
const REFUSALS: Record<number, string> = {
  400: 'the request is not valid HTTP',
  408: 'the request did not arrive in time',
  413: 'the request is too large',
  417: 'the header Expect asks for something other than 100-continue',
  431: 'the request line and the headers are too large'
}
const OVERLOADED: Record<number, string> = { 503: 'too many requests are in progress' }
const NO_SUCH_PATH: Record<number, string> = { 404: 'the path does not exist' }

/** Makes the service's OpenAPI document from the schemas of the routes. Register it before them. */
export const openapi = fp<OpenapiOptions>(async (app, info) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info,
      tags: [
        { name: 'operations', description: 'Probes, metrics and the log level' },
        { name: 'faults', description: 'Faults on demand' }
      ]
    },
    transform: ({ url, route, schema }) => ({ url, schema: schema?.hide === true ? schema : documented(route) }),
    transformObject: given => withOptionalBodies((given as { openapiObject: Document }).openapiObject) as object
  })
}, { name: 'openapi' })

/** Serves the OpenAPI document: at `/docs` for people, at `/docs/json` for programs. */
export const docs = fp(async app => {
  await app.register(async scope => {
    scope.addHook('onRoute', route => {
      route.config = { ...route.config, operational: true }
      app.operationalUrls.add(route.url)
    })
    await scope.register(swaggerUi, { routePrefix: '/docs' })
  })
}, { name: 'docs' })

type Schema = Record<string, unknown>
type Answers = Record<string, Schema>

/** The schema of a route as clients see it: with what the router, the parser and the validator do. */
function documented ({ url, schema = {}, config }: Pick<RouteOptions, 'url' | 'schema' | 'config'>) {
  const { params, body, response } = schema as Record<string, Schema | undefined>
  const patterns = patternsIn(url)
  const errors = {
    ...REFUSALS,
    ...(config?.operational !== true && OVERLOADED),
    ...(patterns.size > 0 && NO_SUCH_PATH)
  }
  return {
    ...schema,
    ...(params && { params: withPatterns(params, patterns) }),
    ...(body && { body: asSent(body) as Schema }),
    response: withErrors(response as Answers | undefined ?? {}, errors)
  }
}

/** Adds errors to the answers of a route. If the route has an answer with the same status, the status has both. */
function withErrors (answers: Answers, errors: Record<number, string>): Answers {
  const own = Object.entries(answers).map(([status, answer]): [string, Schema] =>
    [status, { ...answer, description: answer['description'] ?? STATUS_CODES[status] }])
  const added = Object.entries(errors).map(([status, description]): [string, Schema] => {
    const { content, description: ofRoute = description } = answers[status] ?? {}
    const withError = { ...content as object, 'application/json': { schema: ErrorAnswer } }
    return [status, { description: ofRoute, content: withError }]
  })
  return Object.fromEntries([...own, ...added])
}

interface Document {
  paths?: Record<string, Record<string, { requestBody?: { required?: boolean, content: Record<string, MediaType> } }>>
}
interface MediaType { schema: { type?: string | string[] } }

/** Marks a body as optional if it may be null: the service reads an empty body as null. */
function withOptionalBodies (document: Document): Document {
  for (const { requestBody } of Object.values(document.paths ?? {}).flatMap(operations => Object.values(operations))) {
    if (requestBody === undefined) continue
    const mayBeNull = ({ schema: { type = 'null' } }: MediaType) => [type].flat().includes('null')
    requestBody.required = !Object.values(requestBody.content).some(mayBeNull)
  }
  return document
}

/** The patterns of the parameters in a route's URL, such as `/items/:id(^[0-9]+$)`. */
function patternsIn (url: string): Map<string, string> {
  return new Map(Array.from(url.matchAll(/:(\w+)\(([^)]*)\)/g), ([, name = '', pattern = '']) => [name, pattern]))
}

function withPatterns (params: Schema, patterns: Map<string, string>): Schema {
  const properties = Object.entries(params['properties'] as Record<string, Schema>)
    .map(([name, schema]) => [name, patterns.has(name) ? { ...schema, pattern: patterns.get(name) } : schema])
  return { ...params, properties: Object.fromEntries(properties) }
}

/**
 * A schema as a client must satisfy it. A field with a default is not required, because the validator fills it in. The
 * pattern of a record's keys is in `propertyNames`, because @fastify/swagger drops patterns in `patternProperties`.
 */
function asSent (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asSent)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, asSent(value)])) as Schema
  const { required, properties = {}, patternProperties = {} } = copy as {
    required?: unknown, properties?: Record<string, Schema>, patternProperties?: Record<string, Schema>
  }
  if (Array.isArray(required)) copy['required'] = required.filter(name => properties[name]?.['default'] === undefined)
  const [pattern, values] = Object.entries(patternProperties)[0] ?? []
  if (pattern === undefined) return copy
  delete copy['patternProperties']
  return { ...copy, propertyNames: { pattern }, additionalProperties: values }
}

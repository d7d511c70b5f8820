import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NoBody, TextBody } from '../src/bodies.ts'
import { ErrorAnswer } from '../src/errors.ts'
import { Type } from '../src/schema.ts'
import type { Service } from '../src/service.ts'
import { exampleService } from './example.ts'

interface Operation {
  parameters?: { name: string, schema: object }[]
  requestBody?: { required: boolean, content: Record<string, { schema: Record<string, unknown> }> }
  responses: Record<string, { description: string, content?: Record<string, unknown> }>
}

let app: Service
beforeEach(() => { app = exampleService() })
afterEach(() => app.close())

async function operation (method: string, path: string): Promise<Operation> {
  const { paths } = (await app.inject('/docs/json')).json<{ paths: Record<string, Record<string, Operation>> }>()
  return paths[path]?.[method] as Operation
}

const mediaTypes = ({ responses }: Operation) => Object.fromEntries(Object.entries(responses)
  .map(([status, { content = {} }]) => [status, Object.keys(content).join()]))

const JSON_TYPE = 'application/json'
const REFUSALS = { 400: JSON_TYPE, 408: JSON_TYPE, 413: JSON_TYPE, 417: JSON_TYPE, 431: JSON_TYPE }

test('each operation has the errors that any request can get; probes have no limit, so they lack the 503', async () => {
  expect(mediaTypes(await operation('get', '/items'))).toEqual({ 200: JSON_TYPE, ...REFUSALS, 503: JSON_TYPE })
  expect(mediaTypes(await operation('get', '/healthz'))).toEqual({ 200: JSON_TYPE, ...REFUSALS })
})

test('an answer has its own media type or none, and a status that two answers share has both', async () => {
  const response = { 200: TextBody(), 204: NoBody, 400: TextBody('text/html', 'the page'), 409: ErrorAnswer }
  app.register(async scope => { scope.get('/text', { schema: { response } }, () => '') })
  const text = await operation('get', '/text')
  expect(mediaTypes(text)).toMatchObject({ 200: 'text/plain', 204: '', 400: `text/html,${JSON_TYPE}`, 409: JSON_TYPE })
  expect(text.responses).toMatchObject({ 200: { description: 'OK' }, 400: { description: 'the page' } })
})

test('a parameter has the pattern of its route, and an id that does not match is a 404', async () => {
  const params = Type.Object({ id: Type.String() })
  app.register(async scope => { scope.get('/items/:id(^[0-9]+$)', { schema: { params } }, () => '') })
  const item = await operation('get', '/items/{id}')
  expect(item.parameters?.[0]).toMatchObject({ name: 'id', schema: { type: 'string', pattern: '^[0-9]+$' } })
  expect(mediaTypes(item)).toMatchObject({ 404: JSON_TYPE })
})

describe('a body', () => {
  const bodyOf = async (schema: object) => {
    app.register(async scope => { scope.post('/body', { schema: { body: schema } }, () => '') })
    const { requestBody } = await operation('post', '/body')
    return { required: requestBody?.required, schema: requestBody?.content[JSON_TYPE]?.schema }
  }

  test('does not require a field that has a default', async () => {
    const fields = { name: Type.String(), color: Type.String({ default: '' }), size: Type.Optional(Type.Integer()) }
    expect(await bodyOf(Type.Object(fields))).toMatchObject({ required: true, schema: { required: ['name'] } })
  })

  test('keeps the pattern of the keys of a record', async () => {
    const headers = Type.Record(Type.String({ pattern: '^[a-z]+$' }), Type.String(), { maxProperties: 8 })
    expect((await bodyOf(headers)).schema).toEqual({
      type: 'object',
      maxProperties: 8,
      propertyNames: { pattern: '^[a-z]+$' },
      additionalProperties: { type: 'string' }
    })
  })

  test.each([['an object or null', { type: 'object', nullable: true }], ['anything', {}]])(
    'that may be %s may be missing', async (_what, schema) => {
      expect((await bodyOf(schema)).required).toBe(false)
    })
})

import request from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { listen, recordingLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

const { logger, lines } = recordingLogger()
let app: Service
let origin: string

beforeAll(async () => {
  app = exampleService({}, logger)
  app.get('/range', () => { throw Object.assign(new Error('out of range'), { statusCode: 416 }) })
  origin = await listen(app)
})
afterAll(() => app.close())

test('an unknown path is a 404 that names the method and the path', async () => {
  const answer = await request(origin).get('/nothing')
  expect(answer.status).toBe(404)
  expect(answer.body).toEqual({
    statusCode: 404, code: 'NOT_FOUND', error: 'Not Found', message: 'There is no GET /nothing'
  })
})

test('a body that does not fit is a 400 that says what is wrong and where', async () => {
  const answer = await request(origin).post('/items').send({ title: 'x' })
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({
    statusCode: 400,
    code: 'FST_ERR_VALIDATION',
    problems: [
      { where: 'body', what: "must have required property 'name'" }
    ]
  })
})

test('a body that is not JSON is a 400 that shows the position', async () => {
  const answer = await request(origin).post('/items').type('json').send('{"name": bad}')
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({ code: 'BODY_NOT_JSON', message: expect.stringMatching(/Unexpected token 'b'/) })
})

test('a body of another type is a 415 that names the right type', async () => {
  const answer = await request(origin).post('/items').type('xml').send('<name/>')
  expect(answer.status).toBe(415)
  expect(answer.body.message).toBe('the content-type must be application/json, but is application/xml')
})

test('a body that is too large is a 413', async () => {
  const answer = await request(origin).post('/items').send({ name: 'x'.repeat(70_000) })
  expect(answer.status).toBe(413)
})

test('an error that has a status but no code gets the code of its status', async () => {
  const answer = await request(origin).get('/range')
  expect([answer.status, answer.body.code]).toEqual([416, 'RANGE_NOT_SATISFIABLE'])
})

test('an internal error is a 500 that keeps its reason for the log', async () => {
  const answer = await request(origin).get('/broken')
  expect(answer.status).toBe(500)
  const reason = 'Internal Server Error'
  expect(answer.body).toEqual({ statusCode: 500, code: 'INTERNAL_ERROR', error: reason, message: reason })
  const err = expect.objectContaining({ message: 'password=secret' })
  expect(lines).toContainEqual(expect.objectContaining({ level: 'error', err }))
})

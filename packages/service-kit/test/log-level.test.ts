import { networkInterfaces } from 'node:os'
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { listen, recordingLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

let app: Service
let lines: Record<string, unknown>[]
beforeEach(() => {
  const recorded = recordingLogger()
  lines = recorded.lines
  app = exampleService({}, recorded.logger)
})
afterEach(() => app.close())

test('/log-level changes the log level while the service runs', async () => {
  const origin = await listen(app)
  const changed = await request(origin).put('/log-level').send({ level: 'error' }).expect(200)
  expect(changed.body).toEqual({ level: 'error' })
  expect((await request(origin).get('/log-level').expect(200)).body).toEqual({ level: 'error' })
  lines.length = 0
  await request(origin).get('/items').expect(200)
  await request(origin).get('/broken').expect(500)
  expect(lines.map(({ msg }) => msg)).toEqual(['request failed'])
})

test.each([
  ['debug', 'silent'], ['silent', 'info'], ['error', 'fatal']
])('the log shows a change from %s to %s', async (from, to) => {
  const origin = await listen(app)
  app.log.level = from
  lines.length = 0
  await request(origin).put('/log-level').send({ level: to }).expect(200)
  const changes = lines.filter(({ msg }) => msg === 'log level changed')
  expect(changes).toEqual([expect.objectContaining({ level: 'warn', from, to })])
})

test('an unknown level is a 400 that names the levels', async () => {
  const origin = await listen(app)
  const { body } = await request(origin).put('/log-level').send({ level: 'loud' }).expect(400)
  const what = 'must be one of trace, debug, info, warn, error, fatal, silent'
  expect(body.problems).toEqual([{ where: 'body/level', what }])
  expect(app.log.level).toBe('debug')
})

const outside = Object.values(networkInterfaces()).flat()
  .find(address => address?.family === 'IPv4' && !address.internal)?.address
test.runIf(outside !== undefined)('only callers inside the pod may read or change the log level', async () => {
  const { port } = new URL(await app.listen({ port: 0, host: '0.0.0.0' }))
  const origin = `http://${outside}:${port}`
  for (const call of [request(origin).get('/log-level'), request(origin).put('/log-level').send({ level: 'trace' })]) {
    expect((await call.set('x-forwarded-for', '127.0.0.1').expect(403)).body.code).toBe('LOG_LEVEL_FORBIDDEN')
  }
})

test.each([
  ['attacker.example', 403], ['attacker.example:8080', 403], ['127.0.0.1.attacker.example', 403],
  ['localhost:8080', 200], ['127.0.0.1:8080', 200], ['[::1]:8080', 200], ['webapp', 200], ['webapp-5c9-x', 200],
  ['webapp.shop.svc.cluster.local', 200], ['LOCALHOST.', 200]
])('a call from inside the pod with the Host %s gets a %i from /log-level and from /blowup', async (host, status) => {
  const origin = await listen(app)
  for (const path of ['/log-level', '/blowup']) {
    expect((await request(origin).get(path).set('Host', host)).status, path).toBe(status)
  }
})

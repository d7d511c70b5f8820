import { parseConfig, type Service } from '@outfitters/service-kit'
import { flawsOfDocument, listen, recordingLogger, stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { afterEach, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { ForumConfig } from '../src/config.ts'
import { LOCAL_USERS } from '../src/local-users.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

async function start (env: Record<string, string>): Promise<{ app: Service, origin: string, lines: unknown[] }> {
  const { logger, lines } = recordingLogger()
  const app = buildApp(parseConfig(ForumConfig, env), { logger })
  closers.push(() => app.close())
  return { app, origin: await listen(app), lines }
}

async function usersApi (listener: Parameters<typeof stubUpstream>[0]) {
  const stub = await stubUpstream(listener)
  closers.push(stub.close)
  return stub
}

test('LOCAL_USERS answers with built-in users in the shape of the public API', async () => {
  const { origin } = await start({ LOCAL_USERS: 'true', USERS_URL: 'http://127.0.0.1:1/users' })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
  expect(answer.body).toEqual(LOCAL_USERS)
  for (const user of answer.body) {
    expect(Object.keys(user)).toEqual(['id', 'name', 'username', 'email', 'address', 'phone', 'website', 'company'])
    expect(user.email).toMatch(/\.example$/)
  }
})

test('the users come from USERS_URL, with all that it tells', async () => {
  const users = [{ id: 1, name: 'Ada', extra: true }]
  const stub = await usersApi((_request, response) => { response.end(JSON.stringify(users)) })
  const { origin } = await start({ USERS_URL: `${stub.origin}/users?limit=1` })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([200, 'application/json; charset=utf-8', users])
  expect(stub.requests[0]).toMatchObject({ method: 'GET', url: '/users?limit=1', headers: { host: `127.0.0.1:${stub.port}` } })
})

test('by default that is the public users API over plain HTTP, which chapter 5 blocks and allows', () => {
  expect(parseConfig(ForumConfig, {})).toMatchObject({ USERS_URL: 'http://jsonplaceholder.typicode.com/users', USERS_TRUSTED: false, LOCAL_USERS: false, PORT: 8080, UPSTREAM_TIMEOUT_MS: 15_000 })
})

test.each<[string, Parameters<typeof stubUpstream>[0]]>([
  ['another status', (_request, response) => { response.writeHead(502).end('[]') }],
  ['what is not JSON', (_request, response) => { response.end('<html>') }],
  ['a broken connection', request => { request.socket.destroy() }]
])('%s of the users API is the book\'s 500', async (_name, listener) => {
  const stub = await usersApi(listener)
  const { origin } = await start({ USERS_URL: stub.origin })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([500, 'text/plain; charset=utf-8', 'error calling Users service'])
})

// The original panicked here.
test('a users API that nobody answers for is the same 500, and the forum lives on', async () => {
  const { origin, lines } = await start({ USERS_URL: 'http://127.0.0.1:1/users' })
  for (const attempt of [1, 2]) {
    expect((await request(origin).get('/api/users').query({ attempt })).text).toBe('error calling Users service')
  }
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', code: 'UPSTREAM_UNREACHABLE' }))
})

test('a users API that is silent is given up on after UPSTREAM_TIMEOUT_MS', async () => {
  const stub = await usersApi(() => {})
  const { origin } = await start({ USERS_URL: stub.origin, UPSTREAM_TIMEOUT_MS: '300' })
  expect((await request(origin).get('/api/users')).text).toBe('error calling Users service')
})

const SENT = { authorization: 'Bearer confidential', 'x-dark-launch': 'confidential-too', cookie: 'a=confidential', 'x-request-id': 'r-1' }

test('of the caller\'s headers, the users API gets only the trace and the request id', async () => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin } = await start({ USERS_URL: stub.origin })
  await request(origin).get('/api/users').set(SENT)
  expect(Object.keys(stub.requests[0]?.headers ?? {}).sort()).toEqual(['accept', 'connection', 'host', 'user-agent', 'x-request-id'])
})

test('with USERS_TRUSTED it counts as a service of the mesh', async () => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin } = await start({ USERS_URL: stub.origin, USERS_TRUSTED: 'true' })
  await request(origin).get('/api/users').set(SENT)
  const { cookie: _, ...carried } = SENT
  expect(stub.requests[0]?.headers).toMatchObject(carried)
  expect(stub.requests[0]?.headers).not.toHaveProperty('cookie')
})

test.each(['yes', '1', 'inside'])('USERS_TRUSTED=%s stops the start', value => {
  expect(() => parseConfig(ForumConfig, { USERS_TRUSTED: value })).toThrow(`USERS_TRUSTED must be boolean, but is "${value}"`)
})

// The original wrote header values into its log.
test.each(['true', 'false'])('no header goes into the log (USERS_TRUSTED=%s)', async USERS_TRUSTED => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin, lines } = await start({ USERS_URL: stub.origin, USERS_TRUSTED })
  await request(origin).get('/api/users').set(SENT)
  await expect.poll(() => lines.some(line => (line as { msg: string }).msg === 'request')).toBe(true)
  expect(JSON.stringify(lines)).not.toContain('confidential')
})

test('/api/healthz answers 200 with nothing', async () => {
  const { origin } = await start({ LOCAL_USERS: 'true' })
  const answer = await request(origin).get('/api/healthz')
  expect([answer.status, answer.text, answer.headers['content-length']]).toEqual([200, '', '0'])
})

test('the users can be hit by faults, the probes cannot', async () => {
  const { origin } = await start({ LOCAL_USERS: 'true' })
  await request(origin).post('/blowup').send({ type: '500' })
  await request(origin).post('/blowup').send({ name: 'all', type: '500', scope: { path: '/' } })
  expect((await request(origin).get('/api/users')).status).toBe(500)
  expect((await request(origin).get('/api/healthz')).status).toBe(200)
})

test.each(['ftp://x/users', 'users', 'http://', 'http://user:pass@x/', 'http://x:99999/', 'http://1.2.3.4.5/'])('USERS_URL=%s ends the start', url => {
  expect(() => parseConfig(ForumConfig, { USERS_URL: url })).toThrow(/USERS_URL/)
})

test('the OpenAPI document and the routes are the same', async () => {
  const app = buildApp(parseConfig(ForumConfig, {}), { logger: recordingLogger().logger })
  closers.push(() => app.close())
  expect(await flawsOfDocument(app)).toEqual([])
})

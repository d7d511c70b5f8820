import { parseConfig, type Service } from '@outfitters/service-kit'
import { flawsOfDocument, listen, recordingLogger, stubUpstream } from '@outfitters/service-kit/testing'
import request from 'supertest'
import { expect, onTestFinished, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { ForumConfig } from '../src/config.ts'
import { LOCAL_USERS } from '../src/local-users.ts'

type Listener = Parameters<typeof stubUpstream>[0]

/** A forum that listens on a free port, its origin and its log lines. It is closed after the test. */
async function start (env: Record<string, string>): Promise<{ app: Service, origin: string, lines: unknown[] }> {
  const { logger, lines } = recordingLogger()
  const app = buildApp(parseConfig(ForumConfig, env), { logger })
  onTestFinished(() => app.close())
  return { app, origin: await listen(app), lines }
}

/** A users API that answers with `listener`. It is closed after the test. */
async function usersApi (listener: Listener) {
  const stub = await stubUpstream(listener)
  onTestFinished(stub.close)
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

test('the users come from USERS_URL, unchanged', async () => {
  const users = [{ id: 1, name: 'Ada', extra: true }]
  const stub = await usersApi((_request, response) => { response.end(JSON.stringify(users)) })
  const { origin } = await start({ USERS_URL: `${stub.origin}/users?limit=1` })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.body]).toEqual([200, users])
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  const [call] = stub.requests
  expect(call).toMatchObject({ method: 'GET', url: '/users?limit=1', headers: { host: `127.0.0.1:${stub.port}` } })
})

test('the default is the public users API over plain HTTP, which chapter 5 blocks and allows', () => {
  expect(parseConfig(ForumConfig, {})).toMatchObject({
    USERS_URL: 'http://jsonplaceholder.typicode.com/users',
    USERS_TRUSTED: false,
    LOCAL_USERS: false,
    PORT: 8080,
    UPSTREAM_TIMEOUT_MS: 15_000
  })
})

test.each<[string, Listener]>([
  ['an error status', (_request, response) => { response.writeHead(502).end('[]') }],
  ['an answer that is not JSON', (_request, response) => { response.end('<html>') }],
  ['a broken connection', request => { request.socket.destroy() }]
])('%s from the users API becomes the book\'s 500', async (_name, listener) => {
  const stub = await usersApi(listener)
  const { origin } = await start({ USERS_URL: stub.origin })
  const answer = await request(origin).get('/api/users')
  expect([answer.status, answer.text]).toEqual([500, 'error calling Users service'])
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
})

// The original crashed here.
test('a users API that is not reachable becomes the same 500, and the forum keeps running', async () => {
  const { origin, lines } = await start({ USERS_URL: 'http://127.0.0.1:1/users' })
  for (const attempt of [1, 2]) {
    expect((await request(origin).get('/api/users').query({ attempt })).text).toBe('error calling Users service')
  }
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', code: 'UPSTREAM_UNREACHABLE' }))
})

test('a users API that does not answer within UPSTREAM_TIMEOUT_MS becomes the same 500', async () => {
  const stub = await usersApi(() => {})
  const { origin } = await start({ USERS_URL: stub.origin, UPSTREAM_TIMEOUT_MS: '300' })
  expect((await request(origin).get('/api/users')).text).toBe('error calling Users service')
})

const SENT = {
  authorization: 'Bearer confidential',
  'x-dark-launch': 'confidential-too',
  cookie: 'a=confidential',
  'x-request-id': 'r-1'
}

test('the users API gets only the trace and the request id of the caller\'s headers', async () => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin } = await start({ USERS_URL: stub.origin })
  await request(origin).get('/api/users').set(SENT)
  expect(Object.keys(stub.requests[0]?.headers ?? {}).sort())
    .toEqual(['accept', 'connection', 'host', 'user-agent', 'x-request-id'])
})

test('with USERS_TRUSTED the users API gets the headers that services of the mesh get', async () => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin } = await start({ USERS_URL: stub.origin, USERS_TRUSTED: 'true' })
  await request(origin).get('/api/users').set(SENT)
  const { cookie: _, ...forwarded } = SENT
  expect(stub.requests[0]?.headers).toMatchObject(forwarded)
  expect(stub.requests[0]?.headers).not.toHaveProperty('cookie')
})

test.each(['yes', '1', 'inside'])('USERS_TRUSTED=%s is refused at the start', value => {
  expect(() => parseConfig(ForumConfig, { USERS_TRUSTED: value }))
    .toThrow(`USERS_TRUSTED must be boolean, but is "${value}"`)
})

// The original logged header values.
test.each(['true', 'false'])('the log holds no header values (USERS_TRUSTED=%s)', async USERS_TRUSTED => {
  const stub = await usersApi((_request, response) => { response.end('[]') })
  const { origin, lines } = await start({ USERS_URL: stub.origin, USERS_TRUSTED })
  await request(origin).get('/api/users').set(SENT)
  await expect.poll(() => lines.some(line => (line as { msg: string }).msg === 'request')).toBe(true)
  expect(JSON.stringify(lines)).not.toContain('confidential')
})

test('GET /api/healthz answers 200 without a body', async () => {
  const { origin } = await start({ LOCAL_USERS: 'true' })
  const answer = await request(origin).get('/api/healthz')
  expect([answer.status, answer.text, answer.headers['content-length']]).toEqual([200, '', '0'])
})

test('faults hit the users but not the probes', async () => {
  const { origin } = await start({ LOCAL_USERS: 'true' })
  await request(origin).post('/blowup').send({ type: '500' })
  await request(origin).post('/blowup').send({ name: 'all', type: '500', scope: { path: '/' } })
  expect((await request(origin).get('/api/users')).status).toBe(500)
  expect((await request(origin).get('/api/healthz')).status).toBe(200)
})

const INVALID_URLS = [
  'ftp://x/users', 'users', 'http://', 'http://user:pass@x/', 'http://x:99999/', 'http://1.2.3.4.5/'
]
test.each(INVALID_URLS)('USERS_URL=%s is refused at the start', url => {
  expect(() => parseConfig(ForumConfig, { USERS_URL: url })).toThrow(/USERS_URL/)
})

test('the OpenAPI document describes exactly the routes that exist', async () => {
  const app = buildApp(parseConfig(ForumConfig, {}), { logger: recordingLogger().logger })
  onTestFinished(() => app.close())
  expect(await flawsOfDocument(app)).toEqual([])
})

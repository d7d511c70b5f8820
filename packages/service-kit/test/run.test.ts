import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { listen, silentLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

const agent = new Agent()

/** Starts the fixture as a process and waits until it listens or exits. */
async function start (env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [`${import.meta.dirname}/fixtures/service.ts`], {
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', ...env }
  })
  onTestFinished(() => { child.kill('SIGKILL') })
  const lines: { msg: string, level: string }[] = []
  let stderr = ''
  child.stderr.on('data', data => { stderr += data })
  createInterface(child.stdout).on('line', line => lines.push(JSON.parse(line)))
  const exit = once(child, 'close').then(([code]) => ({ code: code as number, stderr, lines }))
  const listening = () => lines.find(({ msg }) => msg.startsWith('Server listening'))?.msg.split(' ').at(-1)
  await Promise.race([exit, expect.poll(listening, { timeout: 60_000 }).toBeDefined()])
  const origin = listening() ?? ''
  const get = async (path: string) => {
    const { statusCode, headers, body } = await request(origin + path, { dispatcher: agent })
    return { statusCode, connection: headers['connection'], text: await body.text() }
  }
  return { child, exit, get, lines, origin }
}

test('SIGTERM: readiness fails, the service drains, requests in progress get their answers, exit 0', async () => {
  const { child, exit, get, lines } = await start({ DRAIN_DELAY_MS: '5000' })
  expect(await get('/readyz')).toMatchObject({ statusCode: 200 })
  const inProgress = get('/slow/7000')
  await sleep(100)
  child.kill('SIGTERM')
  await expect.poll(() => lines.some(({ msg }) => msg.startsWith('draining'))).toBe(true)

  expect(await get('/readyz')).toMatchObject({ statusCode: 503, text: '{"status":"draining"}' })
  expect(await get('/slow/1')).toMatchObject({ statusCode: 200, connection: 'close' })
  expect(await get('/healthz')).toMatchObject({ statusCode: 200 })

  expect(await inProgress).toMatchObject({ statusCode: 200, text: 'done' }) // the answer comes after the drain
  expect(await exit).toMatchObject({ code: 0 })
  await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED')
  expect(lines.map(({ msg }) => msg)).toContain('closed')
})

test('an idle keep-alive connection does not delay the exit', async () => {
  const { child, exit, get } = await start()
  await get('/slow/1')
  const killedAt = performance.now()
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 0 })
  expect(performance.now() - killedAt).toBeLessThan(15_000) // if idle connections stayed open, it would take 20 s
})

// Browsers open connections in advance. Node counts a connection as idle only after it has carried a request.
test.each([
  ['nothing', ''], ['half a request', 'GET /it']
])('a connection that has carried %s does not delay the exit', async (_name, sent) => {
  const { child, exit, origin } = await start()
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  await once(socket, 'connect')
  if (sent !== '') socket.write(sent)
  await sleep(100)
  const closed = once(socket, 'close')
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 0 })
  await closed
})

test('a request that arrives on an open connection while the service closes gets its answer', async () => {
  const app = exampleService({}, silentLogger)
  const origin = await listen(app)
  const accepted = once(app.server, 'connection')
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  await accepted
  let answer = ''
  socket.on('data', data => { answer += data })
  const over = once(socket, 'close')
  const closed = app.close()
  await sleep(20)
  socket.write('GET /items HTTP/1.1\r\nhost: example\r\n\r\n')
  await Promise.all([over, closed])
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
})

test('connections that the kernel has made for a service that closes are served', async () => {
  const app = exampleService({}, silentLogger)
  const origin = await listen(app)
  const answers = Array.from({ length: 50 }, async () => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    socket.end('GET /items HTTP/1.1\r\nhost: example\r\n\r\n')
    return await text(socket)
  })
  const closed = app.close() // before the service has accepted any of them
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  await closed
})

test('an answer that is still being sent while the service closes is sent to its end', async () => {
  const app = exampleService({}, silentLogger)
  app.get('/large', () => 'x'.repeat(16_000_000))
  const origin = await listen(app)
  const answer = await request(`${origin}/large`, { dispatcher: new Agent() })
  const closed = app.close()
  await sleep(300) // the client does not read yet
  expect((await answer.body.text()).length).toBe(16_000_000)
  await closed
})

test('a request that a fault delays does not delay the exit, even if another fault would then hold it', async () => {
  const { child, exit, origin } = await start()
  for (const rule of [{ type: 'latency', latencyMs: 60_000 }, { type: 'drop', mode: 'hang', hangMs: 60_000 }]) {
    const headers = { 'content-type': 'application/json' }
    await request(`${origin}/blowup`, { method: 'POST', headers, body: JSON.stringify(rule) })
  }
  const hit = request(`${origin}/slow/1`).catch((error: Error) => error)
  await sleep(200)
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 0 })
  expect(await hit).toBeInstanceOf(Error)
})

test('a service whose log cannot be written says so once, goes on, and exits with 0', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  const child = spawn(process.execPath, [`${import.meta.dirname}/fixtures/service.ts`], {
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] // a write to /dev/full fails as on a full disk
  })
  onTestFinished(() => { child.kill('SIGKILL') })
  let stderr = ''
  child.stderr?.on('data', data => { stderr += data })
  const status = (path: string) => request(`http://127.0.0.1:${port}${path}`).then(answer => answer.statusCode, () => 0)
  await expect.poll(() => status('/healthz'), { timeout: 60_000 }).toBe(200)
  for (let i = 0; i < 10; i++) expect(await status('/slow/20')).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
  expect(stderr).toMatch(/^log lines cannot be written to stdout: ENOSPC[^\n]*\n$/)
})

test('SIGINT ends the service too', async () => {
  const { child, exit } = await start()
  child.kill('SIGINT')
  expect(await exit).toMatchObject({ code: 0 })
})

test('a second signal ends the service at once', async () => {
  const { child, exit, lines } = await start({ DRAIN_DELAY_MS: '60000' })
  child.kill('SIGTERM')
  await expect.poll(() => lines.some(({ msg }) => msg.startsWith('draining'))).toBe(true)
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 1 })
})

test('an uncaught error is logged and ends the service with 1, without a drain', async () => {
  const { exit, get, lines } = await start({ DRAIN_DELAY_MS: '60000' })
  expect(await get('/throw')).toMatchObject({ text: 'soon' })
  expect(await exit).toMatchObject({ code: 1 })
  const err = expect.objectContaining({ message: 'unexpected' })
  expect(lines).toContainEqual(expect.objectContaining({ level: 'fatal', err }))
})

test('a service with mistakes in its environment names each of them and exits with 1', async () => {
  const { exit } = await start({ PORT: 'tcp://10.0.0.1:80', LOG_LEVEL: 'loud' })
  const { code, stderr } = await exit
  expect(code).toBe(1)
  expect(stderr).toMatch(/2 mistakes/)
  expect(stderr).toMatch(/PORT must be integer, but is "tcp:\/\/10\.0\.0\.1:80"/)
  expect(stderr).toMatch(/LOG_LEVEL must be one of trace, .*, but is "loud"/)
})

test.each([
  'info', 'silent'
])('a service whose port is taken names it and the variable to set, and exits with 1: %s', async LOG_LEVEL => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { exit } = await start({ PORT: String(port), LOG_LEVEL })
  const { code, lines, stderr } = await exit
  expect(code).toBe(1)
  const message = `port ${port} on 127.0.0.1 is taken: end the process that listens on it, or set PORT to another port`
  expect(LOG_LEVEL === 'silent' ? stderr : lines.at(-1)?.msg).toContain(message)
  server.close()
})

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { afterEach, expect, test } from 'vitest'

const children: ChildProcess[] = []
const agent = new Agent()
afterEach(() => { for (const child of children.splice(0)) child.kill('SIGKILL') })

/** Starts the fixture as a process and waits until it listens. */
async function start (env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [`${import.meta.dirname}/fixtures/service.ts`], { env: { PATH: process.env['PATH'], HOST: '127.0.0.1', ...env } })
  children.push(child)
  const lines: { msg: string, level: string }[] = []
  let stderr = ''
  child.stderr.on('data', data => { stderr += data })
  createInterface(child.stdout).on('line', line => lines.push(JSON.parse(line)))
  const exit = once(child, 'close').then(([code]) => ({ code: code as number, stderr, lines }))
  const listening = () => lines.find(({ msg }) => msg.startsWith('Server listening'))?.msg.split(' ').at(-1)
  await Promise.race([exit, expect.poll(listening, { timeout: 20_000 }).toBeDefined()])
  const origin = listening() ?? ''
  const get = async (path: string) => {
    const { statusCode, headers, body } = await request(origin + path, { dispatcher: agent })
    return { statusCode, connection: headers['connection'], text: await body.text() }
  }
  return { child, exit, get, lines, origin }
}

test('SIGTERM: readiness fails, all is served while it drains, what is under way is answered, exit 0', async () => {
  const { child, exit, get, lines } = await start({ DRAIN_DELAY_MS: '1500' })
  expect(await get('/readyz')).toMatchObject({ statusCode: 200 })
  const underWay = get('/slow/2500')
  await sleep(100)
  child.kill('SIGTERM')
  await expect.poll(() => lines.some(({ msg }) => msg.startsWith('draining'))).toBe(true)

  expect(await get('/readyz')).toMatchObject({ statusCode: 503, text: '{"status":"draining"}' })
  expect(await get('/slow/1')).toMatchObject({ statusCode: 200, connection: 'close' })
  expect(await get('/healthz')).toMatchObject({ statusCode: 200 })

  expect(await underWay).toMatchObject({ statusCode: 200, text: 'done' }) // it ends a second after the drain
  expect(await exit).toMatchObject({ code: 0 })
  await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED')
  expect(lines.map(({ msg }) => msg)).toContain('closed')
})

test('an idle keep-alive connection does not hold up the end', async () => {
  const { child, exit, get } = await start()
  await get('/slow/1')
  const start_ = performance.now()
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 0 })
  expect(performance.now() - start_).toBeLessThan(15_000) // without closing idle connections it would be the whole grace of 20 s
})

// Browsers open connections ahead of need; Node does not count one as idle before it has carried a request.
test.each([['nothing', ''], ['half a request', 'GET /it']])('a connection on which %s has come does not hold up the end either', async (_name, sent) => {
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

test('a request that a rule delays, and then would hold, does not hold up the end', async () => {
  const { child, exit, origin } = await start()
  for (const rule of [{ type: 'latency', latencyMs: 60_000 }, { type: 'drop', mode: 'hang', hangMs: 60_000 }]) {
    await request(`${origin}/blowup`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) })
  }
  const hit = request(`${origin}/slow/1`).catch((error: Error) => error)
  await sleep(200)
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 0 })
  expect(await hit).toBeInstanceOf(Error)
})

test('SIGINT ends it as well', async () => {
  const { child, exit } = await start()
  child.kill('SIGINT')
  expect(await exit).toMatchObject({ code: 0 })
})

test('a second signal ends it at once', async () => {
  const { child, exit, lines } = await start({ DRAIN_DELAY_MS: '60000' })
  child.kill('SIGTERM')
  await expect.poll(() => lines.some(({ msg }) => msg.startsWith('draining'))).toBe(true)
  child.kill('SIGTERM')
  expect(await exit).toMatchObject({ code: 1 })
})

test('an error that nobody caught is logged, and ends it with 1 without a drain', async () => {
  const { exit, get, lines } = await start({ DRAIN_DELAY_MS: '60000' })
  expect(await get('/throw')).toMatchObject({ text: 'soon' })
  expect(await exit).toMatchObject({ code: 1 })
  expect(lines).toContainEqual(expect.objectContaining({ level: 'fatal', err: expect.objectContaining({ message: 'out of the blue' }) }))
})

test('a mistaken environment ends the start with every mistake named', async () => {
  const { exit } = await start({ PORT: 'tcp://10.0.0.1:80', LOG_LEVEL: 'loud' })
  const { code, stderr } = await exit
  expect(code).toBe(1)
  expect(stderr).toMatch(/2 mistakes/)
  expect(stderr).toMatch(/PORT must be integer, but is "tcp:\/\/10\.0\.0\.1:80"/)
  expect(stderr).toMatch(/LOG_LEVEL must be one of trace, .*, but is "loud"/)
})

test('a taken port is named, and ends the start', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { exit } = await start({ PORT: String(port) })
  const { code, lines } = await exit
  expect(code).toBe(1)
  expect(lines.map(({ msg }) => msg)).toContain(`port ${port} on 127.0.0.1 is taken`)
  server.close()
})

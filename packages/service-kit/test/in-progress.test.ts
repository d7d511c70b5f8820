// A client cannot make a service work on an unlimited number of requests.
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import request from 'supertest'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Service } from '../src/service.ts'
import { listen, silentLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

/** More than the kernel takes for a client that does not read. Two of them are not above the limit, but three are. */
const HUGE = 'x'.repeat(16 * 1024 * 1024)

/** A busy machine needs many seconds for thousands of requests. */
const WAIT = { timeout: 120_000 }
vi.setConfig({ testTimeout: 300_000 })

let app: Service
let origin: string
let waiting: (() => void)[]
let most: number

beforeEach(async () => {
  waiting = []
  most = 0
  app = exampleService({}, silentLogger)
  app.get('/slow', (_request, reply) => {
    waiting.push(() => { reply.send('done') })
    most = Math.max(most, waiting.length)
  })
  app.get('/long', async () => {
    await new Promise(resolve => setImmediate(resolve))
    return 'x'.repeat(1000)
  })
  app.get('/huge', () => HUGE)
  origin = await listen(app)
})
afterEach(() => app.close())

/** Answers what waits until `isOver`, in turns of the event loop. */
async function answerUntil (isOver: () => boolean) {
  while (!isOver()) {
    for (const answer of waiting.splice(0)) answer()
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Counts the answers on a connection. */
function countAnswers (socket: Socket): () => number {
  let answers = 0
  let rest = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('HTTP/1.1 ')
    answers += parts.length - 1
    rest = parts.at(-1)?.slice(-8) ?? '' // a piece can end within the text that is counted
  })
  return () => answers
}

/** Opens a connection, and counts the answers on it. */
async function connected (origin: string) {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  return { socket, answers: countAnswers(socket) }
}

test('a client that pipelines 5,000 requests gets 5,000 answers, but only one is in progress at a time', async () => {
  const { socket, answers } = await connected(origin)
  socket.write('GET /slow HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(5000))
  await answerUntil(() => answers() >= 5000)
  socket.destroy()
  expect(answers()).toBe(5000)
  expect(most).toBe(1)
})

test('however much a client pipelines, only a part of it waits, so its connection stays open', async () => {
  const { socket, answers } = await connected(origin)
  socket.write('GET /long HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(10_000)) // twice as many as may wait
  await expect.poll(answers, WAIT).toBe(10_000)
  socket.destroy()
})

test('a request on another connection need not wait for those that a client pipelines', async () => {
  const { socket, answers } = await connected(origin)
  const { socket: another } = await connected(origin)
  socket.write('GET /items HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(1000))
  another.write('GET /items HTTP/1.1\r\nhost: example\r\n\r\n')
  await once(another, 'data')
  expect(answers()).toBeLessThan(1000) // each takes a turn of the event loop
  await expect.poll(answers, WAIT).toBe(1000)
  for (const one of [socket, another]) one.destroy()
})

test('clients that together pipeline too many requests are disconnected, and others are served as usual', async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, async () => {
    const { socket } = await connected(origin)
    socket.write('GET /slow HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(1500))
    return socket
  }))
  const isClosed = (socket: Socket) => socket.closed
  await expect.poll(() => sockets.some(isClosed), WAIT).toBe(true)
  expect(sockets.every(isClosed)).toBe(false)
  expect((await request(origin).get('/items')).status).toBe(200)

  // A service notices only while answering that a client has disconnected.
  for (const socket of sockets) socket.destroy()
  let open = sockets.length
  await answerUntil(() => {
    app.server.getConnections((_error, count) => { open = count })
    return open === 0
  })
  const { socket: another, answers } = await connected(origin)
  another.write('GET /items HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(1500))
  await expect.poll(answers, WAIT).toBe(1500)
  another.destroy()
})

test.each(['/metrics', '/docs/json'])('pipelined requests for %s are answered one at a time, too', async path => {
  let most = 0
  let now = 0
  await app.close()
  app = exampleService({}, silentLogger)
  app.addHook('preHandler', (_request, reply, done) => {
    most = Math.max(most, ++now)
    reply.raw.once('close', () => { now-- })
    done()
  })
  const { socket, answers } = await connected(await listen(app))
  socket.write(`GET ${path} HTTP/1.1\r\nhost: example\r\n\r\n`.repeat(200))
  await expect.poll(answers, WAIT).toBe(200)
  socket.destroy()
  expect(most).toBeLessThanOrEqual(2) // the next request starts while the last one ends
})

test('past the limit of unread answers, large answers are refused, and small ones are not', async () => {
  const unread = await Promise.all(Array.from({ length: 2 }, async () => {
    const { socket } = await connected(origin)
    socket.pause()
    socket.write('GET /huge HTTP/1.1\r\nhost: example\r\n\r\n')
    return socket
  }))
  await expect.poll(async () => (await request(origin).get('/huge')).status, WAIT).toBe(503)
  const refused = await request(origin).get('/huge')
  expect([refused.headers['retry-after'], refused.body.message]).toEqual(['1', expect.stringContaining('32 MiB')])
  expect((await request(origin).get('/items')).status).toBe(200)
  for (const socket of unread) socket.destroy()
  await expect.poll(async () => (await request(origin).get('/huge')).status, WAIT).toBe(200)
})

test('past the limit of connections, further ones are closed', async () => {
  const sockets: Socket[] = []
  // One after the other, because the kernel's queue is shorter.
  for (let i = 0; i < 1210; i++) sockets.push((await connected(origin)).socket)
  const closed = () => sockets.filter(socket => socket.closed).length
  await expect.poll(closed, WAIT).toBe(10)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => request(origin).get('/items').then(({ status }) => status, () => 0)).toBe(200)
})

test('past the limit, a request is answered with 503, and probes are served as usual', async () => {
  const calls = Array.from({ length: 1010 }, () => fetch(`${origin}/slow`))
  await expect.poll(() => waiting.length, WAIT).toBe(1000)
  expect((await request(origin).get('/readyz')).status).toBe(200)
  const refused = await request(origin).get('/slow')
  expect([refused.status, refused.headers['retry-after'], refused.body])
    .toEqual([503, '1', expect.objectContaining({ code: 'OVERLOADED', message: expect.stringContaining('1000') })])
  await answerUntil(() => waiting.length === 0)
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  expect(statuses.filter(status => status === 200)).toHaveLength(1000)
  expect((await request(origin).get('/items')).status).toBe(200)
})

// A client cannot make a service work on an unlimited number of requests.
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import request from 'supertest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service } from '../src/service.ts'
import { listen, silentLogger } from '../src/testing.ts'
import { exampleService } from './example.ts'

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

test('a client that pipelines 5,000 requests gets 5,000 answers, but few are in progress at a time', async () => {
  const { port } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  const answers = countAnswers(socket)
  socket.write('GET /slow HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(5000))
  await answerUntil(() => answers() >= 5000)
  socket.destroy()
  expect(answers()).toBe(5000)
  expect(most).toBeLessThanOrEqual(32)
}, 60_000)

test('however much a client pipelines, only a part of it waits, so its connection stays open', async () => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  await once(socket, 'connect')
  const answers = countAnswers(socket)
  socket.write('GET /long HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(20_000))
  await expect.poll(answers, { timeout: 60_000 }).toBe(20_000)
  socket.destroy()
}, 90_000)

test('clients that together pipeline too many requests are disconnected, and others are served as usual', async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, async () => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET /slow HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(1500))
    return socket
  }))
  const isClosed = (socket: Socket) => socket.closed
  await expect.poll(() => sockets.some(isClosed), { timeout: 20_000 }).toBe(true)
  expect(sockets.every(isClosed)).toBe(false)
  expect((await request(origin).get('/items')).status).toBe(200)

  // A service notices only while answering that a client has disconnected.
  for (const socket of sockets) socket.destroy()
  let open = sockets.length
  await answerUntil(() => {
    app.server.getConnections((_error, count) => { open = count })
    return open === 0
  })
  const another = connect(Number(new URL(origin).port), '127.0.0.1')
  await once(another, 'connect')
  const answers = countAnswers(another)
  another.write('GET /items HTTP/1.1\r\nhost: example\r\n\r\n'.repeat(1500))
  await expect.poll(answers, { timeout: 20_000 }).toBe(1500)
  another.destroy()
}, 60_000)

test('past the limit, a request is answered with 503, and probes are served as usual', async () => {
  const calls = Array.from({ length: 1010 }, () => fetch(`${origin}/slow`))
  await expect.poll(() => waiting.length, { timeout: 20_000 }).toBe(1000)
  expect((await request(origin).get('/readyz')).status).toBe(200)
  const refused = await request(origin).get('/slow')
  expect([refused.status, refused.headers['retry-after'], refused.body])
    .toEqual([503, '1', expect.objectContaining({ code: 'OVERLOADED', message: expect.stringContaining('1000') })])
  await answerUntil(() => waiting.length === 0)
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  expect(statuses.filter(status => status === 200)).toHaveLength(1000)
  expect((await request(origin).get('/items')).status).toBe(200)
}, 60_000)

import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOST } from '../measure.ts'
import { Container } from './containers.ts'

/** An attack on the memory of a service. */
export interface Attack {
  /** what the client or the upstream does */
  what: string
  /** starts the containers: the target, and whatever it needs */
  prepare: () => Promise<Setup>
}

/** What an attack needs. */
export interface Setup {
  target: Container
  /** what is disposed of afterwards, besides the target */
  others: Disposable[]
  /** a path of the target on which others must still get answers */
  path: string
  /** runs the attack; it ends by itself, or when the signal says so */
  run: (signal: AbortSignal) => Promise<void>
}

const PIPELINED = 20_000
const LONG_ITEM = JSON.stringify({
  color: '\u0000'.repeat(100), department: '\u0000'.repeat(100), name: '\u0000'.repeat(200), price: '1'
})

/** Pipelined requests, a catalog of long items, long delays, and an upstream with huge answers. */
export const ATTACKS: Attack[] = [
  {
    what: `one connection pipelines ${PIPELINED} requests to the webapp`,
    prepare: () => pipelined('webapp', '/api/catalog', 1, PIPELINED)
  },
  {
    what: `ten connections pipeline ${PIPELINED} requests in all to the webapp`,
    prepare: () => pipelined('webapp', '/api/catalog', 10, PIPELINED / 10)
  },
  { what: 'a catalog of long items, and 40 clients of the webapp that read it', prepare: fullCatalogRead },
  { what: 'a catalog of long items, and 40 clients that read no answer', prepare: fullCatalogUnread },
  { what: 'a catalog of long items, and 25 clients of the webapp that pipeline unread', prepare: webappUnread },
  ...['/docs/static/swagger-ui-bundle.js', '/metrics', '/docs/json'].map(path => ({
    what: `ten connections pipeline ${PIPELINED} requests in all for ${path}`,
    prepare: () => pipelined('catalog', path, 10, PIPELINED / 10)
  })),
  { what: '1100 connections with an unfinished head of 60 KB', prepare: unfinishedHeads },
  { what: 'a delay of 60 s, and 200 requests a second', prepare: delayed },
  { what: 'a delay of 60 s, and ten connections that pipeline', prepare: delayedAndPipelined },
  { what: 'a forum that answers 8 MB of [{},{},…], and 40 clients of the webapp', prepare: hugeAnswers }
]

/** Starts all services. */
export async function startStore () {
  const catalog = await Container.start('catalog')
  const forum = await Container.start('forum', { LOCAL_USERS: 'true' })
  return { catalog, forum, webapp: await webappFor(catalog.port, forum.port) }
}

const webappFor = (catalog: number, forum: number) => Container.start('webapp', {
  CATALOG_SERVICE_HOST: HOST,
  CATALOG_SERVICE_PORT: String(catalog),
  FORUM_SERVICE_HOST: HOST,
  FORUM_SERVICE_PORT: String(forum)
})

async function pipelined (
  service: 'webapp' | 'catalog', path: string, connections: number, each: number
): Promise<Setup> {
  const { catalog, forum, webapp } = await startStore()
  const target = service === 'webapp' ? webapp : catalog
  const others = [catalog, forum, webapp].filter(container => container !== target)
  const run = async (signal: AbortSignal) => {
    const all = Array.from({ length: connections }, () => pipeline(target.port, path, each, signal))
    await Promise.all(all)
  }
  return { target, others, path, run }
}

async function fullCatalogRead (): Promise<Setup> {
  const { catalog, forum, webapp } = await startStore()
  await fill(catalog.port)
  const run = (signal: AbortSignal) => repeat(40, signal, () => get(webapp.port, '/api/catalog', signal))
  return { target: webapp, others: [catalog, forum], path: '/api/catalog', run }
}

async function fullCatalogUnread (): Promise<Setup> {
  const target = await Container.start('catalog')
  await fill(target.port)
  const sent = 'GET /items HTTP/1.1\r\nhost: attacker\r\n\r\n'.repeat(200)
  return { target, others: [], path: '/items', run: signal => unread(40, target.port, sent, signal) }
}

async function webappUnread (): Promise<Setup> {
  const { catalog, forum, webapp } = await startStore()
  await fill(catalog.port)
  const sent = 'GET /api/catalog HTTP/1.1\r\nhost: attacker\r\n\r\n'.repeat(33)
  return {
    target: webapp, others: [catalog, forum], path: '/api/users', run: signal => unread(25, webapp.port, sent, signal)
  }
}

async function unfinishedHeads (): Promise<Setup> {
  const target = await Container.start('catalog')
  const sent = `GET /items HTTP/1.1\r\nhost: attacker\r\n${`x-attack: ${'a'.repeat(90)}\r\n`.repeat(590)}`
  return { target, others: [], path: '/items', run: signal => unread(1100, target.port, sent, signal) }
}

/** Lets clients send a text and read nothing, until the signal. */
async function unread (clients: number, port: number, sent: string, signal: AbortSignal): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(port)))
  for (const socket of sockets) {
    socket.pause()
    socket.write(sent)
  }
  await aborted(signal)
  for (const socket of sockets) socket.destroy()
}

async function delayed (): Promise<Setup> {
  const target = await slowCatalog()
  const run = async (signal: AbortSignal) => {
    const calls: Promise<unknown>[] = []
    while (!signal.aborted) {
      for (let i = 0; i < 10; i++) calls.push(get(target.port, '/items/1', signal))
      await sleep(50)
    }
    await Promise.all(calls)
  }
  return { target, others: [], path: '/items', run }
}

async function delayedAndPipelined (): Promise<Setup> {
  const target = await slowCatalog()
  const run = async (signal: AbortSignal) => {
    await Promise.all(Array.from({ length: 10 }, () => pipeline(target.port, '/items/1', PIPELINED / 10, signal)))
  }
  return { target, others: [], path: '/items', run }
}

/** A catalog of which one item is delayed by a minute. */
async function slowCatalog (): Promise<Container> {
  const catalog = await Container.start('catalog')
  const rule = { type: 'latency', latencyMs: 60_000, scope: { path: '/items/1' } }
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) }
  const answer = await fetch(`http://${HOST}:${catalog.port}/blowup`, init)
  if (!answer.ok) throw new Error(`the catalog refused the rule: ${await answer.text()}`)
  return catalog
}

async function hugeAnswers (): Promise<Setup> {
  const body = `[${'{},'.repeat(2_700_000)}{}]`
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(body)
  })
  await once(server.listen(0, HOST), 'listening')
  const catalog = await Container.start('catalog')
  const webapp = await webappFor(catalog.port, (server.address() as AddressInfo).port)
  const run = (signal: AbortSignal) => repeat(40, signal, () => get(webapp.port, '/api/users', signal))
  const closing = { [Symbol.dispose]: () => { server.closeAllConnections(); server.close() } }
  return { target: webapp, others: [catalog, closing], path: '/api/catalog', run }
}

/** Adds long items until the catalog refuses them. */
async function fill (port: number): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: LONG_ITEM }
  let status = 201
  for (let i = 0; i < 1000 && status === 201; i++) status = (await fetch(`http://${HOST}:${port}/items`, init)).status
  if (status !== 201 && status !== 409) throw new Error(`the catalog answered a long item with ${status}`)
}

/** Sends requests on one connection without waiting for answers, and reads the answers until all have come. */
async function pipeline (port: number, path: string, requests: number, signal: AbortSignal): Promise<void> {
  const socket = await open(port)
  socket.resume()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: attacker\r\n\r\n`.repeat(requests - 1))
  // The server closes the connection after the last answer.
  socket.write(`GET ${path} HTTP/1.1\r\nhost: attacker\r\nconnection: close\r\n\r\n`)
  await Promise.race([new Promise(resolve => socket.once('close', resolve)), aborted(signal)])
  socket.destroy()
}

/** Lets `clients` clients call again and again until the signal. */
async function repeat (clients: number, signal: AbortSignal, call: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, async () => { while (!signal.aborted) await call() }))
}

/** Sends a GET and reads the answer. The connection may fail, and the signal may end it. */
async function get (port: number, path: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`http://${HOST}:${port}${path}`, { signal }).catch(() => undefined)
  await answer?.arrayBuffer().catch(() => undefined)
}

async function open (port: number): Promise<Socket> {
  const socket = connect(port, HOST)
  socket.on('error', () => {}) // a server that refuses an attacker is no error of the test
  await once(socket, 'connect')
  return socket
}

async function aborted (signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

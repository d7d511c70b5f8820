import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { HOST, storeOn } from '../../local/src/processes.ts'
import { freeStorePorts } from '../../local/src/ports.ts'
import { startProcesses, type Running } from './target.ts'

/** What an upstream does when a request arrives. */
type Behavior = (socket: Socket) => void

const head = (status: string, headers: string[]) => [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n')
const json = (body: string | Buffer, ...headers: string[]) => Buffer.concat([
  Buffer.from(head('200 OK', ['content-type: application/json', `content-length: ${body.length}`, ...headers])),
  Buffer.from(body)
])
const sends = (...pieces: (string | Buffer)[]): Behavior => socket => {
  for (const piece of pieces) socket.write(piece)
}
const sendsAndEnds = (text: string): Behavior => socket => socket.end(text)

/** Sends a piece again and again until the connection ends. */
const repeats = (first: string, piece: string, everyMs: number): Behavior => socket => {
  socket.write(first)
  const timer = setInterval(() => socket.write(piece), everyMs)
  socket.once('close', () => clearInterval(timer))
}

const CHUNKED = head('200 OK', ['content-type: application/json', 'transfer-encoding: chunked'])
const MEBIBYTE = 1024 * 1024
const DEEP = '['.repeat(100_000) + ']'.repeat(100_000)

/** The upstreams, by what they do. */
export const HOSTILE_UPSTREAMS: Record<string, Behavior> = {
  'sends 8 MB of objects': sends(json(`[${'{},'.repeat(8 * MEBIBYTE / 3)}{}]`)),
  'sends 1 MB of objects': sends(json(`[${'{},'.repeat(MEBIBYTE / 3 - 10)}{}]`)),
  'sends 8 MB in chunks': sends(CHUNKED, `100000\r\n${' '.repeat(MEBIBYTE)}\r\n`.repeat(8)),
  'sends deep JSON': sends(json(DEEP)),
  'sends deep JSON in a list': sends(json(`[{"id":1,"name":"a","price":"1","x":${DEEP}}]`)),
  'sends 1xx forever': repeats('', head('103 Early Hints', ['link: </a>']), 5),
  'sends 100 forever': repeats('', head('100 Continue', []), 5),
  'never answers': () => {},
  'never ends its headers': repeats('HTTP/1.1 200 OK\r\n', 'x-a: b\r\n', 20),
  'never ends its body': repeats(CHUNKED, '1\r\n \r\n', 20),
  'sends JSON of wrong types': sends(json('[1,null,"a",[],{"id":"1","name":5,"price":{}}]')),
  'sends users of wrong types': sends(json('[{"name":5,"email":[],"company":null},{"company":"x"},{}]')),
  'sends null': sends(json('null')),
  'sends keys of prototypes': sends(json('[{"__proto__":{"id":1},"constructor":{"prototype":1}}]')),
  'sends HTML': sends(json('<html>')),
  'sends less than it announced': sendsAndEnds(`${head('200 OK', ['content-length: 500'])}[{"id":1`),
  'sends more than it announced': sends(head('200 OK', ['content-length: 2']), '[]HTTP/1.1 200 OK\r\n\r\nnoise'),
  'sends two lengths': sends(head('200 OK', ['content-length: 2', 'content-length: 3']), '[]'),
  'sends a length and chunks': sends(head('200 OK', ['content-length: 2', 'transfer-encoding: chunked']), '[]'),
  'sends a negative length': sends(head('200 OK', ['content-length: -1']), '[]'),
  'sends bad chunks': sends(CHUNKED, 'zz\r\n[]\r\n'),
  'announces gzip and sends noise': sends(json(Buffer.alloc(5000, 0xa5), 'content-encoding: gzip')),
  'sends real gzip, although nobody asked for it': sends(json(gzipSync('[]'), 'content-encoding: gzip')),
  'sends invalid UTF-8': sends(json(Buffer.from('5b7b226e616d65223a22ff80c0af227d5d', 'hex'))),
  'sends binary noise': sends(Buffer.from(Array.from({ length: 5000 }, (_, i) => i * 7919 >> 3))),
  'sends huge headers': sends(head('200 OK', [`x-a: ${'a'.repeat(MEBIBYTE)}`]), '[]'),
  'sends 5,000 headers': sends(head('200 OK', Array.from({ length: 5000 }, (_, index) => `x-${index}: a`)), '[]'),
  'sends identities that are no header values': sends(json('[]', 'x-served-by: a\u0001b', 'x-chaos: \u00e9\u00e9')),
  'sends many identities': sends(json('[]', ...Array.from({ length: 500 }, () => 'x-served-by: catalog-1'))),
  'sends the status 999': sends(head('999 Nonsense', ['content-length: 0'])),
  'sends the status 0': sends(head('000 Nonsense', ['content-length: 0'])),
  'sends 204': sends(head('204 No Content', [])),
  'sends 304': sends(head('304 Not Modified', [])),
  'switches protocols': sends(head('101 Switching Protocols', ['upgrade: h2c', 'connection: upgrade']), 'noise'),
  'redirects to itself': sends(head('302 Found', ['location: /', 'content-length: 0'])),
  'sends 404 with an identity and noise': sends(head('404 Not Found', ['x-served-by: a', 'content-length: 2']), '{{'),
  'sends 409 with an identity and noise': sends(head('409 Conflict', ['x-served-by: a', 'content-length: 2']), '{{'),
  'sends 421 with an identity': sends(head('421 Misdirected Request', ['x-served-by: a', 'content-length: 0'])),
  'speaks HTTP/1.0': sendsAndEnds('HTTP/1.0 200 OK\r\n\r\n[]'),
  'speaks HTTP/2': sends(Buffer.from('000006040000000000000400000001', 'hex')),
  'closes without an answer': socket => socket.end(),
  'resets the connection': socket => { socket.resetAndDestroy() },
  'resets the connection within an answer': socket => {
    socket.write(head('200 OK', ['content-length: 100']) + '[', () => socket.resetAndDestroy())
  }
}

/** How long the webapp waits for an upstream here; milliseconds. */
const UPSTREAM_TIMEOUT_MS = 700

/** A webapp whose catalog and forum are hostile. */
export interface AttackedWebapp extends Running {
  /** Lets the upstreams behave in one way, calls the webapp, and returns what the webapp did wrong. */
  attackWith: (behavior: string) => Promise<string[]>
}

/** Starts a webapp with hostile upstreams. */
export async function startWithHostileUpstreams (): Promise<AttackedWebapp> {
  let behave: Behavior = () => {}
  const sockets = new Set<Socket>()
  const upstream = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {}).on('data', () => behave(socket))
  }).listen(0, HOST)
  await once(upstream, 'listening')
  const { port: upstreamPort } = upstream.address() as AddressInfo
  const ports = await freeStorePorts()
  const webapps = storeOn({ ...ports, catalog: upstreamPort, forum: upstreamPort })
    .filter(({ name }) => name === 'webapp')
    .map(webapp => ({ ...webapp, env: { ...webapp.env, UPSTREAM_TIMEOUT_MS: String(UPSTREAM_TIMEOUT_MS) } }))
  const running = await startProcesses(webapps, [])
  return {
    ...running,
    async attackWith (name) {
      behave = HOSTILE_UPSTREAMS[name] as Behavior
      const flaws = (await Promise.all(CALLS.map(call => flawsOfCall(ports.webapp, call)))).flat()
      for (const socket of sockets) socket.destroy()
      behave = sends(json('[]', 'x-served-by: catalog-1'))
      return [...flaws, ...await flawsAfterwards(ports.webapp)]
    },
    async stop () {
      await running.stop()
      upstream.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

interface Call {
  path: string
  body?: string
  /** the statuses that a client may get, and the texts of errors */
  statuses: number[]
  error?: string
}

const CATALOG_FAILED = 'error calling Catalog service'
const ITEM = JSON.stringify({ name: 'Kite', price: '9.00' })
const CALLS: Call[] = [
  { path: '/', statuses: [200] },
  { path: '/api/catalog', statuses: [200, 500], error: CATALOG_FAILED },
  { path: '/api/catalog/items/1', statuses: [200, 404, 500], error: CATALOG_FAILED },
  { path: '/api/catalog/items', body: ITEM, statuses: [200, 500], error: CATALOG_FAILED },
  { path: '/api/users', statuses: [200, 500], error: 'error calling Forum service' },
  { path: '/api/chaos/catalog/catalog-1', statuses: [200, 404, 502] },
  { path: '/readyz', statuses: [200] }
]

/** More than the webapp's timeouts together; milliseconds. */
const CALL_LIMIT_MS = 60_000

/** On a busy machine, even an upstream that is not hostile may answer too late, so only the last call counts. */
async function flawsAfterwards (port: number): Promise<string[]> {
  for (let left = 10; ; left--) {
    const flaws = await flawsOfCall(port, { path: '/api/catalog', statuses: [200] })
    if (flaws.length === 0 || left === 0) return flaws
  }
}

async function flawsOfCall (port: number, { path, body, statuses, error }: Call): Promise<string[]> {
  const signal = AbortSignal.timeout(CALL_LIMIT_MS)
  try {
    const options = { signal, ...(body !== undefined && { method: 'POST', body }) }
    const answer = await fetch(`http://${HOST}:${port}${path}`, options)
    const text = await answer.text()
    const isExpected = statuses.includes(answer.status) && (answer.status !== 500 || text === error)
    return isExpected ? [] : [`${path} is answered with ${answer.status}: ${text.slice(0, 200)}`]
  } catch (cause) {
    return [`${path} is not answered: ${String((cause as Error).cause ?? cause)}`]
  }
}

import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { HOST } from '../../local/src/processes.ts'
import { exchange, flawsOf } from './answers.ts'
import { complaintsAbout, type Target } from './target.ts'

/** How hard a client attacks. */
export interface Force {
  seed: number
  /** from 0 to 1: the share of the connections and requests of a full attack */
  share: number
}

/** A client that attacks a service. `attack` returns what the service did wrong. */
interface HostileClient {
  name: string
  attack: (target: Target, force: Force) => Promise<string[]>
}

const BAD_CHUNKS = [
  'zz\r\n', '-1\r\n{}\r\n', 'ffffffffffffffffff\r\n', '2\r\n{}xx\r\n0\r\n\r\n', '\r\n', '5\r\n{}', '2\n{}\n0\n\n',
  `2;${'a'.repeat(100_000)}\r\n{}\r\n0\r\n\r\n`, '0\r\nContent-Length: x\r\n\r\n', '0x2\r\n{}\r\n0\r\n\r\n'
]
const OTHER_PROTOCOLS = [
  Buffer.from('1603010200010001fc0303', 'hex'), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'EHLO example.com\r\n\r\n',
  'GET /\r\n\r\n', 'GET / HTTP/3.0\r\n\r\n', '\0\0\0\0\r\n\r\n'
]
const DEEP = [
  '['.repeat(30_000) + ']'.repeat(30_000), '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000), '['.repeat(60_000),
  `{"name":${'['.repeat(60)}${']'.repeat(60)}}`, '[{},'.repeat(15_000), `"${'\\'.repeat(60_000)}`, '-'.repeat(60_000)
]
const CONTENT_TYPES = [
  '', '/', 'application', 'application/json;', 'application/json; charset=utf-16', 'application/json; charset="',
  'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/json, text/plain',
  '\u00e4/\u00f6', 'a'.repeat(5000)
]
const LENGTHS = ['-1', 'x', '1e3', '99999999999999999999', '5, 5', '0x2', '500']
const HOSTS = [
  '', ' ', 'a b', '[', '[::1', '[::1]:99999', 'x:y:z', '0', '..', '\u00e4', '<script>', '%00', '@', 'x/y',
  'a'.repeat(5000)
]
const TARGETS = [
  '*', '//', '///items', '/%00', '/%zz', '/%', '/\u00e4', '/items/%ff', '/items;a=b', '?', '#', 'http://', 'http:///',
  'http://[', '/../../etc/passwd', '/..%2f..%2fetc%2fpasswd', '/static/..%2f..%2fpackage.json', '/images/%2e%2e%2fx',
  '/static/%2e%2e/package.json', '/docs/static/..%2f', `/${'a'.repeat(40_000)}`, `/items/${'9'.repeat(40_000)}`
]
/** A path whose answer is larger than what the kernel takes for a client that reads nothing. */
const LARGE = '/docs/static/swagger-ui-bundle.js'
const METHODS = ['CONNECT', 'TRACE', 'QUERY', 'PROPFIND', 'FOO', 'get', '']

/** All hostile clients. Each attack is bounded in number and time. */
export const HOSTILE_CLIENTS: HostileClient[] = [
  { name: 'pipelines requests', attack: (target, force) => pipeline(target, target.path, count(20_000, force)) },
  ...['/metrics', '/docs/json'].map(path => ({
    name: `pipelines requests for ${path}`,
    attack: (target: Target, force: Force) => pipeline(target, path, count(5_000, force))
  })),
  {
    name: 'sends heads slowly',
    attack: (target, force) => besides(target, count(300, force), socket => {
      const bytes = get(target.path)
      let sent = 0
      const timer = setInterval(() => socket.write(bytes[sent++ % 20] as string), 50)
      socket.once('close', () => clearInterval(timer))
    })
  },
  {
    name: 'closes its half of the connection at once',
    attack: (target, force) => besides(target, count(300, force), socket => socket.end(get(target.path)))
  },
  {
    name: 'disconnects early',
    attack: (target, force) => besides(target, count(1000, force), socket => {
      socket.write(get(target.path), () => socket.destroy())
    })
  },
  {
    name: 'does not read its answers',
    attack: (target, force) => besides(target, count(20, force), socket => {
      socket.pause()
      socket.write(get(LARGE).repeat(200))
    })
  },
  {
    name: 'sends huge headers',
    async attack (target) {
      const numbered = (number: number) => times(number, index => `x-${index}: y\r\n`).join('')
      const tooLarge = [
        get(`/${'a'.repeat(100_000)}`),
        get('/', numbered(50_000)),
        get('/', `Cookie: ${'c'.repeat(1024 * 1024)}\r\n`),
        get('/', `${'n'.repeat(100_000)}: y\r\n`)
      ]
      const large = [get(target.path, numbered(3000)), get(target.path, 'Cookie: a\r\n'.repeat(3000))]
      return [...await sendEach(target, tooLarge, [431]), ...await sendEach(target, large)]
    }
  },
  {
    name: 'sends bad chunks',
    attack: target => sendEach(target, BAD_CHUNKS.map(body =>
      `${post(target.bodyPath, 'application/json')}Transfer-Encoding: chunked\r\n\r\n${body}`))
  },
  {
    name: 'sends binary noise',
    attack (target, { seed, ...force }) {
      const noise = fc.uint8Array({ minLength: 1, maxLength: 4000 })
      const samples = fc.sample(noise, { seed, numRuns: count(500, { seed, ...force }) })
      const start = Buffer.from(`GET ${target.path} HTTP/1.1\r\n`)
      return sendEach(target, samples.flatMap(bytes => [Buffer.from(bytes), Buffer.concat([start, bytes])]))
    }
  },
  {
    name: 'speaks another protocol',
    attack: target => sendEach(target, OTHER_PROTOCOLS)
  },
  {
    name: 'asks for paths that do not exist',
    async attack ({ port }, { seed, ...force }) {
      const paths = fc.sample(fc.webPath(), { seed, numRuns: count(5000, { seed, ...force }) })
      const send = paths.map(path => get(`/noise${path}`))
      const { answers, ending } = await exchange(port, { send, answers: send.length, limitMs: 60_000 })
      const wrong = answers.filter(({ status }) => status !== 404)
      const metrics = await (await fetch(`http://${HOST}:${port}/metrics`)).text()
      return [
        ...ending === 'answered' ? [] : [`of ${send.length} requests, ${answers.length} were answered (${ending})`],
        ...wrong.map(({ status }) => `a path that does not exist is a ${status}`),
        ...answers.flatMap(flawsOf),
        ...metrics.includes('noise') ? ['the metrics have the path of a request'] : []
      ]
    }
  },
  {
    name: 'sends deep and broken JSON',
    attack: target => sendEach(target, DEEP.map(body => withBody(target.bodyPath, 'application/json', body)), [400])
  },
  {
    name: 'sends wrong content types and lengths',
    attack: target => sendEach(target, [
      ...CONTENT_TYPES.map(type => withBody(target.bodyPath, type, '{}')),
      ...LENGTHS.map(length => `${post(target.bodyPath, 'application/json')}Content-Length: ${length}\r\n\r\n{}`),
      withBody(target.bodyPath, 'application/json', `"${'x'.repeat(200_000)}"`)
    ])
  },
  {
    name: 'sends weird Hosts',
    attack: target => sendEach(target, HOSTS.flatMap(host => [target.path, '/log-level', '/docs/'].map(path =>
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)))
  },
  {
    name: 'sends weird targets and methods',
    attack: target => sendEach(target, [
      ...TARGETS.flatMap(path => ['GET', 'OPTIONS', 'DELETE'].map(method =>
        `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)),
      ...METHODS.map(method => `${method} ${target.path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    ])
  }
]

/** Sends requests on one connection without waiting for answers. */
async function pipeline ({ port }: Target, path: string, number: number): Promise<string[]> {
  const send = times(number / 100, () => get(path).repeat(100))
  const { answers, ending } = await exchange(port, { send, answers: number, limitMs: 180_000 })
  const wrong = answers.filter(({ status }) => status !== 200)
  if (ending === 'answered' && wrong.length === 0) return []
  return [
    `of ${number} requests, ${answers.length} were answered (${ending}), ${wrong.length} not with 200`,
    ...wrong.slice(0, 1).map(({ status, body }) => `the first of those is ${status}: ${body}`)
  ]
}

/** Attacks a service with one client. Returns what the service did wrong then, and whether it still answers. */
export async function attackWith ({ attack }: HostileClient, target: Target, force: Force): Promise<string[]> {
  return [...await attack(target, force), ...await complaintsAbout(target)]
}

/** The share of a full attack: a number of at least one. */
function count (full: number, { share }: Force): number {
  return Math.max(1, Math.round(full * share))
}

function times<T> (number: number, make: (index: number) => T): T[] {
  return Array.from({ length: Math.ceil(number) }, (_, index) => make(index))
}

function get (path: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
}

/** The head of a request, without its length and without its end. */
function post (path: string, type: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n`
}

function withBody (path: string, type: string, body: string): string {
  return `${post(path, type)}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** Connections that are open at the same time. */
const AT_ONCE = 50

/** How long a client waits for another answer; milliseconds. */
const PATIENCE_MS = 500

/**
 * Sends each request over a connection of its own. If `statuses` are given, each must be answered with one of them.
 * Otherwise, the service may also close the connection.
 */
async function sendEach ({ port }: Target, requests: (string | Buffer)[], statuses?: number[]): Promise<string[]> {
  const flaws: string[] = []
  const send = async (request: string | Buffer) => {
    const { answers, ending } = await exchange(port, { send: [request], patienceMs: PATIENCE_MS })
    const wrong = answers.filter(({ status }) => statuses?.includes(status) === false)
    const found = [
      ...ending === 'time is up' ? ['the connection stays open'] : [],
      ...statuses !== undefined && answers.length === 0 ? ['there is no answer'] : [],
      ...wrong.map(({ status, body }) => `the answer is ${status}: ${body.slice(0, 200)}`),
      ...answers.flatMap(flawsOf)
    ]
    flaws.push(...found.map(flaw => `after ${JSON.stringify(String(request).slice(0, 80))}: ${flaw}`))
  }
  for (let start = 0; start < requests.length; start += AT_ONCE) {
    await Promise.all(requests.slice(start, start + AT_ONCE).map(send))
  }
  return flaws
}

/** Opens hostile connections, and meanwhile expects an answer for a well-behaved client. */
async function besides (target: Target, number: number, attack: (socket: Socket) => void): Promise<string[]> {
  const sockets = times(number, () => connect(target.port, HOST).on('error', () => {}))
  for (const socket of sockets) attack(socket)
  await sleep(500)
  const complaints = await complaintsAbout(target)
  for (const socket of sockets) socket.destroy()
  return complaints
}

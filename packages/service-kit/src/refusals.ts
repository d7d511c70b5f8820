import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { readableAddress } from './addresses.ts'
import { recordStatus } from './answered.ts'
import { errorAnswer } from './errors.ts'
import { RequestError } from './request-error.ts'

/**
 * The limit for a request line and its headers together, in bytes. Envoy lets 60 KiB through and adds headers of its
 * own; a request that passed a sidecar must not fail here. Node's default is 16 KiB.
 */
export const MAX_HEADER_BYTES = 64 * 1024

/**
 * The same for a service that forwards headers. Its call carries a little more than it received, from itself and from
 * the sidecars on the way, and must stay below their 60 KiB. So a caller whose headers are too large gets a 431 here,
 * and not an error about an upstream that failed.
 */
export const MAX_FORWARDED_HEADER_BYTES = 56 * 1024

/** How long a request may take to arrive; milliseconds. */
export const REQUEST_TIMEOUT_MS = 60_000

/** How long a refused client may take to read the answer; milliseconds. */
const LINGER_MS = 1000

/** Why a request was refused before any route saw it. */
export interface Refusal {
  /** The status of the answer. */
  status: number
  /** A stable code, as in every error answer. */
  code: string
  message: string
}

/** The limit that the messages name, the headers of the answers, and a callback for each refusal. */
export interface RefusalOptions {
  maxHeaderBytes: number
  /** Headers that say which pod and version answered. */
  headers?: Record<string, string>
  /** Called for each request that no hook has seen. */
  onRefusal?: (refusal: Refusal) => void
}

/** Node's options for a server that answers refusals with this plugin. */
export function parserOptions (maxHeaderBytes: number): { maxHeaderSize: number, requireHostHeader: boolean } {
  return { maxHeaderSize: maxHeaderBytes, requireHostHeader: false }
}

interface ParserError extends Error {
  code?: string
  /** The parser's reason: a constant text that contains nothing from the request. */
  reason?: string
  rawPacket?: Buffer
}

/**
 * Node refuses requests that are not valid HTTP, but by default it logs nothing. With this plugin, such a request
 * leaves a line at warn level, is counted, and gets an answer like every other error. Then its connection is closed.
 */
export const refusals = fp<RefusalOptions>(async (app, { maxHeaderBytes, headers = {}, onRefusal }) => {
  const refused = new WeakSet<Socket>()

  app.server.removeAllListeners('clientError') // Fastify's own, which logs at trace level
  app.server.on('clientError', (error: ParserError, socket: Socket) => {
    if (refused.has(socket)) return // the parser reports this for every further chunk
    const isParserError = error.code?.startsWith('HPE_') === true
    // Browsers open connections in advance; a connection on which nothing arrived is no request.
    const isTimeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead > 0
    if (!isParserError && !isTimeout) return socket.destroy() // the connection broke: there is no request to refuse
    refused.add(socket)
    refuse(socket, refusalOf(error, maxHeaderBytes))
  })

  app.server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {}) // Node no longer handles its errors
    // The message leaves out the target, which may hold a password.
    const message = 'this server is not a proxy and does not support CONNECT'
    const allow = 'GET, HEAD, POST, PUT, DELETE, OPTIONS'
    refuse(socket, { status: 405, code: 'METHOD_NOT_ALLOWED', message }, { allow })
  })

  // Without a listener, Node answers these requests itself. With it, they reach the hook below.
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit('request', request, response)
  })

  // Requests that Node's parser accepts, although they are not valid HTTP. They have an access line and metrics.
  app.addHook('onRequest', ({ raw, id }, reply, done) => {
    const { host, expect } = raw.headers
    if (host !== undefined && expect === undefined) return done()
    const error = host === undefined && raw.httpVersion === '1.1'
      ? new RequestError(400, 'HOST_MISSING', 'an HTTP/1.1 request must have a Host header')
      : expect !== undefined && !/^100-continue$/i.test(expect)
        ? new RequestError(417, 'EXPECTATION_FAILED', 'the header Expect can only be 100-continue')
        : undefined
    if (error === undefined) return done()
    const client = readableAddress(raw.socket.remoteAddress)
    const { statusCode: status, code, message } = error
    app.log.warn({ status, code, requestId: id, client }, `request refused: ${message}`)
    reply.header('connection', 'close')
    done(error)
  })

  function refuse (socket: Socket, refusal: Refusal, extra: Record<string, string> = {}): void {
    const { status, code, message } = refusal
    const client = readableAddress(socket.remoteAddress)
    app.log.warn({ status, code, client }, `request refused: ${message}`)

    const underWay = responseOn(socket)
    // An error in the body of a request that has reached a route is in the line and the metrics of that request.
    if (underWay !== undefined && !underWay.req.complete) recordStatus(underWay, status)
    else onRefusal?.(refusal)
    answerInTurn(socket, answerOf(refusal, { ...headers, ...extra }))
  }
}, { name: 'refusals' })

/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16

function refusalOf ({ code, reason, message, rawPacket }: ParserError, maxHeaderBytes: number): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        code: 'HEADERS_TOO_LARGE',
        message: `request line and headers together may have at most ${maxHeaderBytes} bytes`
      }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, code: 'CHUNK_EXTENSIONS_TOO_LARGE', message: 'the extensions of a chunk are too large' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        code: 'REQUEST_TIMEOUT',
        message: `the request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} s`
      }
    default: {
      const what = code === 'HPE_PAUSED_H2_UPGRADE'
        ? 'it is HTTP/2, and this server speaks HTTP/1.1'
        : rawPacket?.[0] === TLS_HANDSHAKE ? 'it is TLS, and this port speaks plain HTTP' : reason ?? message
      return { status: 400, code: 'REQUEST_MALFORMED', message: `the request cannot be read: ${what}` }
    }
  }
}

/** The response that Node is writing to a socket. Node's own error handling reads the same field. */
function responseOn (socket: Socket): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}

/** Answers after the earlier requests of the same connection, because a pipelining client expects answers in order. */
function answerInTurn (socket: Socket, answer: string): void {
  const underWay = responseOn(socket)
  if (underWay?.req.complete === true) {
    underWay.once('close', () => answerInTurn(socket, answer))
  } else if (!socket.writable || underWay?.headersSent === true) {
    socket.destroy()
  } else {
    // The rest of the request must be read: closing a socket with unread bytes resets it, and the answer is lost.
    socket.end(answer)
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

function answerOf ({ status, code, message }: Refusal, headers: Record<string, string>): string {
  const answer = errorAnswer(status, code, message)
  const body = JSON.stringify(answer)
  const head = {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close'
  }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${answer.error}\r\n${lines.join('')}\r\n${body}`
}

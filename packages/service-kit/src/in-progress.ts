import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { readableAddress } from './addresses.ts'
import { Overloaded } from './errors.ts'

/** The most connections. Each may have sent a part of a request, of up to 64 KiB. */
const MAX_CONNECTIONS = 1200

/** The most requests that a service works on at the same time. */
const MAX_IN_PROGRESS = 1000

/**
 * The most requests that wait for others on their connections. The service reads no more from such a connection, but
 * one piece of 64 KiB can bring more than a thousand.
 */
const MAX_WAITING = 5000

/** The most bytes of answers that clients have not read yet. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024

/** An answer of this size is always sent, so that a client hears why it gets no larger one. */
const SMALL_BYTES = 16 * 1024

/** A connection with a request in progress. */
interface Connection {
  isBusy: boolean
  /** starts the requests that wait, the oldest first */
  waiting: (() => void)[]
}

/**
 * Limits the connections, the requests in progress, and the answers. A client that pipelines sends requests without
 * waiting for answers, a slow upstream lets requests pile up, and some clients read no answer: each would fill the
 * memory.
 *
 * A connection has one request in progress, as in most servers. Its other requests wait. Past the limit of the service,
 * requests are answered with 503 at once. Past the limit of those that wait, the connection is closed, because even
 * short answers would fill the memory.
 *
 * Operational routes do not count as requests in progress, because the kubelet would restart a pod whose probes fail.
 */
export const requestLimits = fp(async app => {
  let inProgress = 0
  let waiting = 0
  let unread = 0
  const connections = new WeakMap<Socket, Connection>()

  app.server.maxConnections = MAX_CONNECTIONS
  app.server.on('drop', (connection?: { remoteAddress?: string }) => {
    const client = readableAddress(connection?.remoteAddress)
    app.log.warn({ client }, `connection closed: ${MAX_CONNECTIONS} connections are open, which is the limit`)
  })

  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const connection = connections.get(socket) ?? connect(socket)
    const counts = request.routeOptions.config.operational === true ? 0 : 1
    let isStarted = false
    const start = () => {
      isStarted = true
      connection.isBusy = true
      inProgress += counts
      if (counts === 0 || inProgress <= MAX_IN_PROGRESS) done()
      else done(new Overloaded(`${MAX_IN_PROGRESS} requests are in progress`))
    }

    reply.raw.once('close', () => {
      if (!isStarted) return // the client has disconnected
      inProgress -= counts
      // In another turn of the event loop, so that the requests of other connections come in between.
      if (connection.waiting.length > 0) setImmediate(startNext, socket, connection)
      else connection.isBusy = false
    })

    if (!connection.isBusy) return start()
    socket.pause()
    connection.waiting.push(start)
    waiting++
    if (waiting > MAX_WAITING && !socket.destroyed) {
      const client = readableAddress(socket.remoteAddress)
      app.log.warn({ client }, `connection closed: more than ${MAX_WAITING} pipelined requests are waiting`)
      socket.destroy()
    }
  })

  app.addHook('onSend', (_request, reply, payload, done) => {
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0
    if (bytes < SMALL_BYTES) return done()
    if (unread + bytes > MAX_UNREAD_BYTES) {
      return done(new Overloaded(`clients have not read ${MAX_UNREAD_BYTES / 1024 / 1024} MiB of answers`))
    }
    unread += bytes
    reply.raw.once('close', () => { unread -= bytes })
    done()
  })

  function startNext (socket: Socket, connection: Connection): void {
    if (socket.destroyed) {
      waiting -= connection.waiting.length
      connection.waiting = []
      return
    }
    waiting--
    connection.waiting.shift()?.()
    if (connection.waiting.length === 0) socket.resume()
  }

  function connect (socket: Socket): Connection {
    const connection: Connection = { isBusy: false, waiting: [] }
    connections.set(socket, connection)
    // Node itself pauses and resumes a connection, depending on what the client reads.
    socket.on('resume', () => { if (connection.waiting.length > 0) socket.pause() })
    return connection
  }
}, { name: 'in-progress' })

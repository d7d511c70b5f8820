import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { readableAddress } from './addresses.ts'
import { Overloaded } from './errors.ts'

/** The most requests that a service works on at the same time. Together they fit the manifests' limit for memory. */
const MAX_IN_PROGRESS = 1000

/** The most requests in progress on one connection. Further ones wait, and no more are read from it meanwhile. */
const MAX_ON_CONNECTION = 32

/** The most requests that wait, on all connections together. One piece of 64 KiB can bring more than a thousand. */
const MAX_WAITING = 5000

/** A connection with requests in progress. */
interface Connection {
  inProgress: number
  /** starts the requests that wait, the oldest first */
  waiting: (() => void)[]
}

/**
 * Limits the requests in progress. A client that pipelines sends requests without waiting for answers, and a slow
 * upstream lets requests pile up: either would fill the memory. The requests of one connection wait for each other.
 * Past the limit of the service, requests are answered with 503 at once. Past the limit of those that wait, the
 * connection is closed, because even short answers would fill the memory.
 *
 * Operational routes are not limited, because the kubelet would restart a pod whose probes fail.
 */
export const requestLimits = fp(async app => {
  let all = 0
  let waiting = 0
  const connections = new WeakMap<Socket, Connection>()

  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.operational === true) return done()
    const { socket } = request.raw
    const connection = connections.get(socket) ?? connect(socket)
    let isInProgress = false
    const start = () => {
      isInProgress = true
      connection.inProgress++
      all++
      if (all <= MAX_IN_PROGRESS) done()
      else done(new Overloaded(`${MAX_IN_PROGRESS} requests are in progress`))
    }

    reply.raw.once('close', () => {
      if (isInProgress) {
        connection.inProgress--
        all--
      }
      if (socket.destroyed) {
        waiting -= connection.waiting.length
        connection.waiting = []
      } else if (connection.waiting.length > 0) {
        waiting--
        connection.waiting.shift()?.()
        if (connection.waiting.length === 0) socket.resume()
      }
    })

    if (connection.inProgress < MAX_ON_CONNECTION) return start()
    socket.pause()
    connection.waiting.push(start)
    waiting++
    if (waiting > MAX_WAITING && !socket.destroyed) {
      const client = readableAddress(socket.remoteAddress)
      app.log.warn({ client }, `connection closed: more than ${MAX_WAITING} pipelined requests are waiting`)
      socket.destroy()
    }
  })

  function connect (socket: Socket): Connection {
    const connection: Connection = { inProgress: 0, waiting: [] }
    connections.set(socket, connection)
    // Node itself pauses and resumes a connection, depending on what the client reads.
    socket.on('resume', () => { if (connection.waiting.length > 0) socket.pause() })
    return connection
  }
}, { name: 'in-progress' })

import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { readableAddress } from './addresses.ts'
import { Overloaded } from './errors.ts'

/** The most requests that a service works on at the same time. Together they fit the manifests' limit for memory. */
const MAX_UNDER_WAY = 1000

/** The most requests under way on one connection. Further ones wait, and no more are read from it meanwhile. */
const MAX_ON_CONNECTION = 32

/** The most requests that wait, on all connections together. One piece of 64 KiB can bring more than a thousand. */
const MAX_WAITING = 5000

/** A connection with requests under way. */
interface Connection {
  underWay: number
  /** starts the requests that wait, the oldest first */
  waiting: (() => void)[]
}

/**
 * Limits the requests under way. A client that pipelines sends requests without waiting for answers, and a slow
 * upstream lets requests pile up: either would fill the memory. The requests of one connection wait for each other.
 * Past the limit of the service, requests are answered with 503 at once. Past the limit of those that wait, the
 * connection is closed, because even short answers would fill the memory.
 *
 * Operational routes are not limited, because the kubelet would restart a pod whose probes fail.
 */
export const underWay = fp(async app => {
  let underWay = 0
  let waiting = 0
  const connections = new WeakMap<Socket, Connection>()

  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.operational === true) return done()
    const { socket } = request.raw
    const connection = connections.get(socket) ?? connect(socket)
    let isUnderWay = false
    const start = () => {
      isUnderWay = true
      connection.underWay++
      underWay++
      if (underWay <= MAX_UNDER_WAY) done()
      else done(new Overloaded(`${MAX_UNDER_WAY} requests are under way`))
    }

    reply.raw.once('close', () => {
      if (isUnderWay) {
        connection.underWay--
        underWay--
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

    if (connection.underWay < MAX_ON_CONNECTION) return start()
    socket.pause()
    connection.waiting.push(start)
    waiting++
    if (waiting > MAX_WAITING && !socket.destroyed) {
      const client = readableAddress(socket.remoteAddress)
      app.log.warn({ client }, `connection closed: ${MAX_WAITING} requests wait for others on their connections`)
      socket.destroy()
    }
  })

  function connect (socket: Socket): Connection {
    const connection: Connection = { underWay: 0, waiting: [] }
    connections.set(socket, connection)
    // Node itself pauses and resumes a connection, depending on what the client reads.
    socket.on('resume', () => { if (connection.waiting.length > 0) socket.pause() })
    return connection
  }
}, { name: 'under-way' })

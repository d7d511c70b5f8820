import type { Socket } from 'node:net'
import fp from 'fastify-plugin'

/** The most requests that a service works on at the same time. Together they fit the manifests' limit for memory. */
const MAX_UNDER_WAY = 1000

/** The most requests under way on one connection. Further ones wait: their client reads no answers meanwhile. */
const MAX_ON_CONNECTION = 32

/** A request that came while too many others were under way. */
class Overloaded extends Error {
  readonly statusCode = 503
  readonly code = 'OVERLOADED'
}

/**
 * Limits the requests under way. A client that pipelines sends requests without waiting for answers, and a slow
 * upstream lets requests pile up: either would fill the memory. Past the limit, requests are answered with 503 at once.
 * Operational routes are not limited, because the kubelet would restart a pod whose probes fail.
 */
export const underWay = fp(async app => {
  let all = 0
  const onConnection = new WeakMap<Socket, number>()

  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.operational === true) return done()
    const { socket } = request.raw
    const count = (change: number) => {
      all += change
      const now = (onConnection.get(socket) ?? 0) + change
      onConnection.set(socket, now)
      return now
    }
    if (count(1) >= MAX_ON_CONNECTION) socket.pause()
    reply.raw.once('close', () => { if (count(-1) < MAX_ON_CONNECTION / 2) socket.resume() })
    if (all <= MAX_UNDER_WAY) return done()
    reply.header('retry-after', '1')
    done(new Overloaded(`${MAX_UNDER_WAY} requests are under way, which is the limit; try again`))
  })
}, { name: 'under-way' })

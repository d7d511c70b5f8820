import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { Overloaded } from './errors.ts'

/** The most requests that a service works on at the same time. Together they fit the manifests' limit for memory. */
const MAX_UNDER_WAY = 1000

/** The most requests under way on one connection. Further ones wait: their client reads no answers meanwhile. */
const MAX_ON_CONNECTION = 32

/**
 * Limits the requests under way. A client that pipelines sends requests without waiting for answers, and a slow
 * upstream lets requests pile up: either would fill the memory. Past the limit, requests are answered with 503 at once.
 * Operational routes are not limited, because the kubelet would restart a pod whose probes fail.
 */
export const underWay = fp(async app => {
  let all = 0
  const onConnection = new WeakMap<Socket, number>()
  const paused = new WeakSet<Socket>()

  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.operational === true) return done()
    const { socket } = request.raw
    const count = (change: number) => {
      all += change
      const now = (onConnection.get(socket) ?? 0) + change
      onConnection.set(socket, now)
      return now
    }
    if (count(1) >= MAX_ON_CONNECTION) {
      paused.add(socket)
      socket.pause()
    }
    reply.raw.once('close', () => {
      if (count(-1) < MAX_ON_CONNECTION / 2 && paused.delete(socket)) socket.resume()
    })
    if (all <= MAX_UNDER_WAY) done()
    else done(new Overloaded(`${MAX_UNDER_WAY} requests are under way`))
  })
}, { name: 'under-way' })

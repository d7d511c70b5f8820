import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fp from 'fastify-plugin'

/** How long a connection that is open already may take to bring its first request; milliseconds. */
const FIRST_REQUEST_MS = 250

/** How long a closing server may wait for a turn of the event loop in which no connection comes; milliseconds. */
const ACCEPTING_MS = 1000

/**
 * When the service closes, it accepts the connections that the kernel has made for it, and answers the requests that
 * are in progress or on their way. Then this plugin ends all remaining connections. Without the plugin, Node and
 * Fastify would wait until the end of the grace period for connections that have not carried a whole request yet.
 * Browsers open such connections in advance.
 */
export const closing = fp(async app => {
  let inProgress = 0
  let isEnding = false
  let opened = 0
  const unused = new Set<Socket>()
  const endConnections = () => { if (isEnding && inProgress === 0) app.server.closeAllConnections() }

  app.server.on('connection', (socket: Socket) => {
    opened++
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.addHook('onRequest', (request, _reply, done) => {
    inProgress++
    unused.delete(request.raw.socket)
    done()
  })
  app.whenAnswered(() => {
    inProgress--
    endConnections()
  })
  app.addHook('preClose', async () => {
    await untilQueueIsEmpty()
    app.server.close() // now: until Fastify does it, new connections could come
    setImmediate(async () => {
      if (unused.size > 0) {
        await sleep(FIRST_REQUEST_MS)
        await nextTurn() // reads what has arrived meanwhile, even if this machine was busy
      }
      isEnding = true
      endConnections()
    })
  })

  /**
   * Waits for a turn of the event loop in which no connection came. Then the kernel's queue is empty. Connections in
   * it would be reset when the server stops listening.
   */
  async function untilQueueIsEmpty (): Promise<void> {
    const end = performance.now() + ACCEPTING_MS
    for (let before = NaN; before !== opened && performance.now() < end;) {
      before = opened
      await nextTurn()
    }
  }
}, { name: 'closing', dependencies: ['answered'] })

import { Server, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Calls `listener` when the service begins to close, before it waits for the requests in progress. */
    whenClosing: (listener: () => void) => void
  }
}

/** How long a connection that is open already may take to bring its first request; milliseconds. */
const FIRST_REQUEST_MS = 250

/** How long a closing server may wait for a turn of the event loop in which no connection comes; milliseconds. */
const ACCEPTING_MS = 1000

/**
 * When the service closes, it accepts the connections that the kernel has made for it, and answers the requests that
 * are in progress or on their way. Then this plugin ends all remaining connections. Without the plugin, Node and
 * Fastify would cut answers that are still being sent. And they would wait until the end of the grace period for
 * connections that have not carried a whole request yet. Browsers open such connections in advance.
 */
export const closing = fp(async app => {
  const listeners: (() => void)[] = []
  app.decorate('whenClosing', listener => { listeners.push(listener) })

  let opened = 0
  const unused = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    opened++
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })

  let inProgress = 0
  let allAnswered = () => {}
  app.addHook('onRequest', (request, _reply, done) => {
    inProgress++
    unused.delete(request.raw.socket)
    done()
  })
  app.whenAnswered(() => { if (--inProgress === 0) allAnswered() })

  app.addHook('preClose', async () => {
    for (const listener of listeners) listener()
    await untilQueueIsEmpty()
    // Only stops listening. Node's close for HTTP also closes connections on which an answer is still being sent.
    Server.prototype.close.call(app.server)
    if (unused.size > 0) {
      await sleep(FIRST_REQUEST_MS)
      await nextTurn() // reads what has arrived meanwhile, even if this machine was busy
    }
    if (inProgress > 0) await new Promise<void>(resolve => { allAnswered = resolve })
    app.server.closeAllConnections()
  })

  /**
   * Waits for a turn of the event loop in which no connection came. Then the kernel's queue is empty. Connections in
   * it would be reset when the server stops listening.
   */
  async function untilQueueIsEmpty (): Promise<void> {
    const end = performance.now() + ACCEPTING_MS
    await nextTurn() // the rest of this turn, which accepts nothing more
    for (let before = NaN; before !== opened && performance.now() < end;) {
      before = opened
      await nextTurn()
    }
  }
}, { name: 'closing', dependencies: ['answered'] })

import fp from 'fastify-plugin'

/**
 * A service that closes answers what is under way, and then ends every connection that is left. Node and Fastify wait for those on
 * which no whole request has come yet, as browsers open them ahead of need, until the grace is over.
 */
export const closing = fp(async app => {
  let underWay = 0
  let isClosing = false
  const endConnections = () => { if (isClosing && underWay === 0) app.server.closeAllConnections() }

  app.addHook('onRequest', (_request, _reply, done) => {
    underWay++
    done()
  })
  app.whenAnswered(() => {
    underWay--
    endConnections()
  })
  app.addHook('preClose', async () => {
    isClosing = true
    setImmediate(endConnections) // the server stops listening in between
  })
}, { name: 'closing', dependencies: ['answered'] })

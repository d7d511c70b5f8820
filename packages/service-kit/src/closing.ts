import fp from 'fastify-plugin'

/**
 * When the service closes, it answers the requests in progress. Then this plugin ends all remaining connections.
 * Without the plugin, Node and Fastify would wait until the end of the grace period for connections that have not
 * carried a whole request yet. Browsers open such connections in advance.
 */
export const closing = fp(async app => {
  let inProgress = 0
  let isClosing = false
  const endConnections = () => { if (isClosing && inProgress === 0) app.server.closeAllConnections() }

  app.addHook('onRequest', (_request, _reply, done) => {
    inProgress++
    done()
  })
  app.whenAnswered(() => {
    inProgress--
    endConnections()
  })
  app.addHook('preClose', async () => {
    isClosing = true
    setImmediate(endConnections) // the server stops listening before this runs
  })
}, { name: 'closing', dependencies: ['answered'] })

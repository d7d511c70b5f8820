import fp from 'fastify-plugin'

/**
 * Lets a service that closes answer the requests in progress, and then ends every connection that is left. Without
 * this, Node and Fastify wait for connections that have not carried a whole request yet, such as those that browsers
 * open in advance, until the grace period is over.
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

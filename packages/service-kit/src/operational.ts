import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The URLs of all operational routes. */
    operationalUrls: Set<string>
  }

  interface FastifyContextConfig {
    /** Part of running the service, not of its business: never hit by faults, logged at debug level. */
    operational?: boolean
  }
}

/** Knows which routes are operational. */
export const operational = fp(async app => {
  const urls = new Set<string>()
  app.decorate('operationalUrls', urls)
  app.addHook('onRoute', ({ config, url }) => { if (config?.operational === true) urls.add(url) })
}, { name: 'operational' })

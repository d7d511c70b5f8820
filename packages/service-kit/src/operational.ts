import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The URLs of all operational routes. */
    operationalUrls: Set<string>
  }

  interface FastifyContextConfig {
    /** The route serves operations, such as a probe: faults never hit it, and it is logged at debug level. */
    operational?: boolean
  }
}

/** Collects the URLs of the operational routes. */
export const operational = fp(async app => {
  const urls = new Set<string>()
  app.decorate('operationalUrls', urls)
  app.addHook('onRoute', ({ config, url }) => { if (config?.operational === true) urls.add(url) })
}, { name: 'operational' })

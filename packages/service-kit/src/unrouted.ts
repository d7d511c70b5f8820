import findMyWay, { type Config, type HTTPMethod } from 'find-my-way'
import fp from 'fastify-plugin'
import { RequestError } from './request-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods that have a route for the target of a request; none if its path does not exist. */
    methodsFor: (target: string) => string[]
  }
}

/** Collects the routes. Register it before all routes, with the router options of the service. */
export const routeTable = fp<Pick<Config<never>, 'ignoreTrailingSlash' | 'maxParamLength'>>(async (app, options) => {
  const router = findMyWay(options) // the library that Fastify uses; Fastify does not say which methods a path has
  const known = new Set<HTTPMethod>()
  app.addHook('onRoute', ({ method: methods, url }) => {
    for (const method of [methods].flat() as HTTPMethod[]) {
      if (!router.hasRoute(method, url)) router.on(method, url, () => {})
      known.add(method)
    }
  })
  app.decorate('methodsFor', target => {
    const methods = [...known].filter(method => router.find(method, target) !== null)
    return methods.join() === 'OPTIONS' ? [] : methods // CORS answers preflight requests for paths that do not exist
  })
}, { name: 'route-table' })

/**
 * Answers a request that has no route: with 405 and the header Allow if its path has other methods, else with 404. It
 * does so before the body is read, so that the body does not matter. Register it after the faults, which can hit such
 * requests too.
 */
export const unrouted = fp(async app => {
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (!request.is404) return done()
    const { method, url } = request
    const allow = app.methodsFor(url).join(', ')
    if (allow === '') return done(notFound(request))
    reply.header('allow', allow)
    done(new RequestError(405, 'METHOD_NOT_ALLOWED', `There is no ${method} ${url}; this path allows ${allow}`))
  })
  app.setNotFoundHandler(request => { throw notFound(request) }) // for routes without such a file
}, { name: 'unrouted', dependencies: ['route-table'] })

function notFound ({ method, url }: { method: string, url: string }): RequestError {
  return new RequestError(404, 'NOT_FOUND', `There is no ${method} ${url}`)
}

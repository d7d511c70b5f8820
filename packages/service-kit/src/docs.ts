import fp from 'fastify-plugin'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'

/** The head of the OpenAPI document. */
export interface OpenapiOptions {
  title: string
  description: string
  version: string
}

/** Makes the service's OpenAPI document from the schemas of the routes. Register it before them. */
export const openapi = fp<OpenapiOptions>(async (app, info) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info,
      tags: [
        { name: 'operations', description: 'Probes, metrics and the log level' },
        { name: 'faults', description: 'Faults on demand' }
      ]
    }
  })
}, { name: 'openapi' })

/** Serves the OpenAPI document: at `/docs` for people, at `/docs/json` for programs. */
export const docs = fp(async app => {
  await app.register(async scope => {
    scope.addHook('onRoute', route => {
      route.config = { ...route.config, operational: true }
      app.operationalUrls.add(route.url)
    })
    await scope.register(swaggerUi, { routePrefix: '/docs' })
  })
}, { name: 'docs' })

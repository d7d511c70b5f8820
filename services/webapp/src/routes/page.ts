import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '@outfitters/service-kit'
import { logUpstreamError } from '@outfitters/service-kit/upstream'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { renderPage } from '../page.ts'

const POLICY = "default-src 'none'; style-src 'self'; img-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The store's page. It stands whatever happens behind it: a failing upstream is shown, not passed on. */
export const pageRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/', {
    schema: { tags: ['page'], summary: 'The page', produces: ['text/html'], response: { 200: Type.String() } }
  }, async (request, reply) => {
    const caller = callerOf(request, reply)
    const [items, users] = await Promise.all([
      unlessUpstreamFails(request, app.catalog.list(caller)),
      unlessUpstreamFails(request, app.forum.users(caller))
    ])
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .send(renderPage({ items, users }) as never)
  })
}

async function unlessUpstreamFails<T> (request: FastifyRequest, answer: Promise<{ value: T }>): Promise<T | undefined> {
  try {
    return (await answer).value
  } catch (error) {
    logUpstreamError(request, error)
    return undefined
  }
}

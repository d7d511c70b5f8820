import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf, ErrorAnswer, problemsOf, RequestError, sentence } from '@outfitters/service-kit'
import { logUpstreamError } from '@outfitters/service-kit/upstream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { NewCatalogItem } from '../clients/catalog.ts'
import type { WebappConfig } from '../config.ts'
import { ITEM_FIELDS, itemOf } from '../page/item-form.ts'
import { renderPage } from '../page/page.ts'
import type { ItemForm } from '../page/store.ts'

const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' http: https:", // people post items with pictures of their own
  "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"
].join('; ')

/** So long the page waits for what is behind it; one who does not answer by then is shown as one who does not answer. */
const PATIENCE_MS = 3000

/** The store's page. It stands whatever happens behind it: a failing upstream is shown, not passed on. */
export const pageRoutes: FastifyPluginAsyncTypebox<Pick<WebappConfig, 'CHAOS_ACCESS'>> = async (app, { CHAOS_ACCESS }) => {
  app.get('/', {
    schema: { tags: ['page'], summary: 'The page', produces: ['text/html'], response: { 200: Type.String() } }
  }, (request, reply) => {
    const { added } = request.query as { added?: string | string[] }
    return page(request, reply, typeof added === 'string' && /^[\w.-]{1,253}$/.test(added) ? { addedBy: added } : {})
  })

  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, itemOf(String(body))))

    scope.addHook('onRequest', async request => {
      if (request.headers['sec-fetch-site'] === 'cross-site') throw new RequestError(403, 'CROSS_SITE', "items are added by this page's form, not by another site's")
    })

    scope.post('/', {
      attachValidation: true,
      schema: {
        tags: ['page'],
        summary: "Add an item by the page's form, for who has no JavaScript",
        consumes: ['application/x-www-form-urlencoded'],
        produces: ['text/html'],
        body: NewCatalogItem,
        response: { 303: Type.String({ description: 'the page, when the item was added' }), 400: Type.String({ description: 'the page, with what is wrong beside the fields' }), 403: ErrorAnswer, 502: Type.String({ description: 'the page, when the catalog did not take it' }) }
      }
    }, async (request, reply) => {
      if (request.validationError) return page(request, reply.code(400), rejected(request))
      try {
        const { identity } = await app.catalog.create(request.body as NewCatalogItem, callerOf(request, reply))
        return reply.redirect(`./?added=${encodeURIComponent(identity['x-served-by'] ?? 'unknown')}#catalog`, 303)
      } catch (error) {
        logUpstreamError(request, error)
        return page(request, reply.code(502), { values: valuesOf(request), failure: 'The catalog did not take it. Try again.' })
      }
    })
  })

  async function page (request: FastifyRequest, reply: FastifyReply, form: ItemForm): Promise<never> {
    const caller = { ...callerOf(request, reply), deadline: AbortSignal.timeout(PATIENCE_MS) }
    const [items, users] = await Promise.all([
      unlessItFails(request, app.catalog.list(caller)),
      unlessItFails(request, app.forum.users(caller))
    ])
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'same-origin')
      .send(renderPage({ items, users, form, chaosAccess: CHAOS_ACCESS })) as never
  }
}

/** A form that the API's schema refuses, with a message for each field that is wrong, and one for what belongs to no field. */
function rejected (request: FastifyRequest): ItemForm {
  const problems = problemsOf(request.validationError as Parameters<typeof problemsOf>[0]) ?? []
  const errors = Object.fromEntries(ITEM_FIELDS
    .filter(({ name }) => problems.some(({ where, what }) => where === `body/${name}` || (where === 'body' && what.includes(`'${name}'`))))
    .map(({ name, problem }) => [name, problem]))
  return { values: valuesOf(request), errors, ...(Object.keys(errors).length === 0 && { failure: sentence(problems) }) }
}

function valuesOf ({ body }: FastifyRequest): Record<string, string> {
  return body as Record<string, string>
}

async function unlessItFails<T> (request: FastifyRequest, answer: Promise<{ value: T }>): Promise<T | undefined> {
  try {
    return (await answer).value
  } catch (error) {
    logUpstreamError(request, error)
    return undefined
  }
}

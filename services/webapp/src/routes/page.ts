import { callerOf, ErrorAnswer, problemsOf, RequestError, sentence, TextBody, Type } from '@outfitters/service-kit'
import { logUpstreamError } from '@outfitters/service-kit/upstream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isAboutField } from '../../public/static/shared/field-errors.js'
import { CatalogItemForm, type NewCatalogItem } from '../clients/catalog.ts'
import type { WebappConfig } from '../config.ts'
import { ITEM_FIELDS, itemOf } from '../page/item-form.ts'
import { renderPage } from '../page/page.ts'
import type { ItemForm } from '../page/store.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' http: https:", // an item may have a picture from any site
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'"
].join('; ')

/** How long the page waits for its upstreams. A slower upstream is shown as failing. */
const DEADLINE_MS = 3000

const FORM_TYPE = 'application/x-www-form-urlencoded'
const POD_NAME = /^[\w.-]{1,253}$/

type PageConfig = Pick<WebappConfig, 'CHAOS_ACCESS' | 'POD_NAMESPACE'>

/** The store's page. It always loads: a failing upstream is shown on the page and does not fail the request. */
export const pageRoutes: FastifyPluginAsync<PageConfig> = async (app, { CHAOS_ACCESS, POD_NAMESPACE }) => {
  app.get<{ Querystring: { added?: string | string[], view?: string | string[] } }>('/', {
    schema: { tags: ['page'], summary: 'The page', response: { 200: TextBody('text/html') } }
  }, (request, reply) => {
    const { added, view } = request.query
    const form = typeof added === 'string' && POD_NAME.test(added) ? { addedBy: added } : {}
    return sendPage(request, reply, form, view === 'room')
  })

  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (_request, body, done) => {
      done(null, itemOf(String(body)))
    })

    scope.addHook('onRequest', async request => {
      if (request.headers['sec-fetch-site'] !== 'cross-site') return
      const message = "the form accepts items only from the store's own page, not from another site"
      throw new RequestError(403, 'CROSS_SITE', message)
    })

    scope.post<{ Body: NewCatalogItem }>('/', {
      attachValidation: true,
      schema: {
        tags: ['page'],
        summary: "Add an item with the page's form, for browsers without JavaScript",
        consumes: [FORM_TYPE],
        body: CatalogItemForm,
        response: {
          303: Type.Unsafe({ type: 'null', description: 'the item was added; Location is the page' }),
          400: TextBody('text/html', 'the page, with the errors beside the fields'),
          403: ErrorAnswer,
          409: TextBody('text/html', 'the page; the catalog is full'),
          415: ErrorAnswer,
          502: TextBody('text/html', 'the page; the catalog did not accept the item')
        }
      }
    }, async (request, reply) => {
      if (request.validationError) return sendPage(request, reply.code(400), formWithErrors(request))
      try {
        const { identity } = await app.catalog.create(request.body, callerOf(request, reply))
        const pod = encodeURIComponent(identity['x-served-by'] ?? 'unknown')
        return reply.redirect(`./?added=${pod}#catalog`, 303)
      } catch (error) {
        if (error instanceof RequestError) { // the catalog is full
          return sendPage(request, reply.code(error.statusCode), { values: valuesOf(request), failure: error.message })
        }
        logUpstreamError(request, error)
        const failure = 'The catalog did not accept the item. Try again.'
        return sendPage(request, reply.code(502), { values: valuesOf(request), failure })
      }
    })
  })

  async function sendPage (request: FastifyRequest, reply: FastifyReply, form: ItemForm, room = false) {
    const caller = { ...callerOf(request, reply), deadline: AbortSignal.timeout(DEADLINE_MS) }
    const [items, users] = await Promise.all([
      valueOrUndefined(request, app.catalog.list(caller)),
      valueOrUndefined(request, app.forum.users(caller))
    ])
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'same-origin')
      .send(renderPage({ items, users, form, chaosAccess: CHAOS_ACCESS, namespace: POD_NAMESPACE, room }))
  }
}

/** A form that the API's schema refuses: a message beside each invalid field, or one for the whole form. */
function formWithErrors (request: FastifyRequest): ItemForm {
  const problems = problemsOf(request.validationError as Parameters<typeof problemsOf>[0]) ?? []
  const reasons = problems.map(problem => sentence([problem]))
  const invalid = ITEM_FIELDS.filter(({ name }) => reasons.some(reason => isAboutField(reason, name)))
  const errors = Object.fromEntries(invalid.map(({ name, problem }) => [name, problem]))
  return { values: valuesOf(request), errors, ...(invalid.length === 0 && { failure: sentence(problems) }) }
}

function valuesOf ({ body }: FastifyRequest): Record<string, string> {
  return body as Record<string, string>
}

/** The value of an upstream's answer; undefined, with a line in the log, if the upstream fails. */
async function valueOrUndefined<T> (request: FastifyRequest, answer: Promise<{ value: T }>): Promise<T | undefined> {
  try {
    return (await answer).value
  } catch (error) {
    logUpstreamError(request, error)
    return undefined
  }
}

import fp from 'fastify-plugin'
import type { FastifyBodyParser } from 'fastify'
import { parse } from 'secure-json-parse'
import { isTooDeep, MAX_LEVELS } from './nesting.ts'
import { RequestError } from './request-error.ts'
import { Type } from './schema.ts'

/** In a route's schema: an answer without a body. */
export const NoBody = Type.Unsafe<undefined>({ type: 'null', description: 'no body' })

/** In a route's schema: an answer whose body is text of this media type, instead of JSON. */
export const TextBody = (mediaType = 'text/plain', description?: string) => ({
  ...(description !== undefined && { description }),
  content: { [mediaType]: { schema: Type.String() } }
})

/** Reads a body as JSON. An empty body is null. If the body is not JSON, the client gets a 400 with the position. */
export const jsonParser: FastifyBodyParser<string> = (_request, body, done) => {
  if (isTooDeep(body)) {
    const message = `the body is nested more deeply than ${MAX_LEVELS} levels`
    return done(new RequestError(400, 'BODY_TOO_DEEP', message))
  }
  try {
    done(null, body === '' ? null : parse(body))
  } catch (error) {
    done(new RequestError(400, 'BODY_NOT_JSON', `the body cannot be read as JSON: ${(error as Error).message}`))
  }
}

/** Accepts bodies with the content type application/json, and answers every other body with a 415. */
export const bodies = fp(async app => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, jsonParser)
  app.addContentTypeParser('*', (request, _payload, done) => {
    const sent = request.headers['content-type'] ?? 'missing'
    done(new RequestError(415, 'BODY_TYPE_UNSUPPORTED', `the content-type must be application/json, but is ${sent}`))
  })
}, { name: 'bodies' })

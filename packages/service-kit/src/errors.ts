import fp from 'fastify-plugin'
import type { FastifyError, FastifySchemaValidationError } from 'fastify'
import type { Static } from 'typebox'
import { RequestError, sentence, type Problem } from './request-error.ts'
import { Type } from './schema.ts'

// An import of node:http would also load Node's own undici, which takes 14 MB and as long as a bare server's start.
const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** The body of every error answer. */
export const ErrorAnswer = Type.Object({
  statusCode: Type.Integer(),
  code: Type.String({ description: 'stable; meant for programs' }),
  error: Type.String({ description: 'the reason phrase of the status' }),
  message: Type.String(),
  problems: Type.Optional(Type.Array(Type.Object({ where: Type.String(), what: Type.String() })))
}, { title: 'ErrorAnswer' })
export type ErrorAnswer = Static<typeof ErrorAnswer>

/** Gives every error the same shape. A 4xx explains itself; for a 5xx, only the log has the reason. */
export const errorAnswers = fp(async app => {
  app.setErrorHandler((error: FastifyError | RequestError, request, reply) => {
    const { statusCode = 500, code } = error
    if (statusCode >= 500) {
      request.log.error({ err: error, requestId: request.id, ...request.trace?.ids }, 'request failed')
      const answer = code === 'OVERLOADED'
        ? errorAnswer(statusCode, code, error.message)
        : errorAnswer(statusCode, 'INTERNAL_ERROR', STATUS_CODES[statusCode] ?? 'Error')
      // As text, because a route may document another shape for its own 500.
      return reply.code(statusCode).type('application/json; charset=utf-8').send(JSON.stringify(answer))
    }
    const problems = problemsOf(error)
    const message = problems ? sentence(problems) : error.message
    return reply.code(statusCode).send(errorAnswer(statusCode, code, message, problems))
  })

  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorAnswer(404, 'NOT_FOUND', `There is no ${request.method} ${request.url}`)))
}, { name: 'error-answers' })

/** The problems that an error lists, found by a schema or by our own checks. */
export function problemsOf (error: FastifyError | RequestError): Problem[] | undefined {
  if (error instanceof RequestError) return error.problems
  return error.validation?.map(found => ({
    where: `${error.validationContext ?? ''}${found.instancePath}`,
    what: wordsFor(found as SchemaError)
  }))
}

/** An error from Ajv. It includes the schema if Ajv is `verbose`. */
type SchemaError = FastifySchemaValidationError & { parentSchema?: { description?: string } }

function wordsFor ({ keyword, message = 'is invalid', params, parentSchema }: SchemaError): string {
  const { additionalProperty, allowedValues } = params
  if (typeof additionalProperty === 'string') return `must not have "${additionalProperty}"`
  if (Array.isArray(allowedValues)) return `must be one of ${allowedValues.join(', ')}`
  const description = parentSchema?.description
  const isPattern = keyword === 'pattern' && description !== undefined
  return isPattern ? `must be ${description}` : message // a description is easier to read than a pattern
}

/** Makes the body of an error answer; its field `error` is the reason phrase of the status. */
export function errorAnswer (
  statusCode: number, code: string, message: string, problems?: Problem[]
): ErrorAnswer {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message, ...(problems && { problems }) }
}

import { STATUS_CODES } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyError, FastifySchemaValidationError } from 'fastify'
import { Type, type Static } from 'typebox'
import { RequestError, sentence, type Problem } from './request-error.ts'

/** What an error answer looks like. */
export const ErrorAnswer = Type.Object({
  statusCode: Type.Integer(),
  code: Type.String({ description: 'stable; meant for programs' }),
  error: Type.String({ description: 'the reason phrase of the status' }),
  message: Type.String(),
  problems: Type.Optional(Type.Array(Type.Object({ where: Type.String(), what: Type.String() })))
}, { title: 'ErrorAnswer' })
export type ErrorAnswer = Static<typeof ErrorAnswer>

/** One shape for every error. What is the caller's fault is explained; of what is ours, the log knows more than the caller. */
export const errorAnswers = fp(async app => {
  app.setErrorHandler((error: FastifyError | RequestError, request, reply) => {
    const { statusCode = 500, code } = error
    if (statusCode >= 500) {
      request.log.error({ err: error, requestId: request.id, ...request.trace?.ids }, 'request failed')
      return reply.code(statusCode).send(errorAnswer(statusCode, 'INTERNAL_ERROR', STATUS_CODES[statusCode] ?? 'Error'))
    }
    const problems = problemsOf(error)
    return reply.code(statusCode).send(errorAnswer(statusCode, code, problems ? sentence(problems) : error.message, problems))
  })

  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorAnswer(404, 'NOT_FOUND', `There is no ${request.method} ${request.url}`)))
}, { name: 'error-answers' })

/** All that an error knows of what is wrong with a request, be it found by a schema or by our own checks. */
export function problemsOf (error: FastifyError | RequestError): Problem[] | undefined {
  if (error instanceof RequestError) return error.problems
  return error.validation?.map(found => ({
    where: `${error.validationContext ?? ''}${found.instancePath}`,
    what: wordsFor(found as SchemaError)
  }))
}

/** As Ajv gives it when it is `verbose`. */
type SchemaError = FastifySchemaValidationError & { parentSchema?: { description?: string } }

function wordsFor ({ keyword, message = 'is invalid', params: { additionalProperty, allowedValues }, parentSchema }: SchemaError): string {
  if (typeof additionalProperty === 'string') return `must not have "${additionalProperty}"`
  if (Array.isArray(allowedValues)) return `must be one of ${allowedValues.join(', ')}`
  if (keyword === 'pattern' && parentSchema?.description !== undefined) return `must be ${parentSchema.description}` // nobody reads regular expressions
  return message
}

/** An error answer; `error` is the reason phrase of the status. */
export function errorAnswer (statusCode: number, code: string, message: string, problems?: Problem[]): ErrorAnswer {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message, ...(problems && { problems }) }
}

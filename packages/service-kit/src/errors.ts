import fp from 'fastify-plugin'
import type { FastifyError, FastifyReply, FastifySchemaValidationError } from 'fastify'
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

/** Too many requests are in progress, or delayed. The answer is a 503 with the message. */
export class Overloaded extends Error {
  readonly statusCode = 503
  readonly code = 'OVERLOADED'

  /** @param reached the limit that is reached, as a clause, such as "1000 requests are in progress" */
  constructor (reached: string) {
    super(`${reached}, which is the limit; try again`)
  }
}

/** Gives every error the same shape. A 4xx explains itself; for a 5xx, only the log has the reason. */
export const errorAnswers = fp(async app => {
  app.setErrorHandler((error: FastifyError | RequestError | Overloaded, request, reply) => {
    const { statusCode = 500 } = error
    const code = error.code ?? codeOf(statusCode)
    if (error instanceof Overloaded) {
      reply.header('retry-after', '1')
      return send(reply, errorAnswer(statusCode, code, error.message))
    }
    if (statusCode >= 500) {
      request.log.error({ err: error, requestId: request.id, ...request.trace?.ids }, 'request failed')
      return send(reply, errorAnswer(statusCode, 'INTERNAL_ERROR', STATUS_CODES[statusCode] ?? 'Error'))
    }
    const problems = problemsOf(error)
    const message = problems ? sentence(problems) : error.message
    return reply.code(statusCode).send(errorAnswer(statusCode, code, message, problems))
  })

  // As text, because a route may document another shape for its own 5xx.
  const send = (reply: FastifyReply, answer: ErrorAnswer) =>
    reply.code(answer.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(answer))
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

/** The code of an error that has none, such as RANGE_NOT_SATISFIABLE. */
function codeOf (statusCode: number): string {
  return (STATUS_CODES[statusCode] ?? 'Error').toUpperCase().replaceAll(/\W+/g, '_')
}

/** Makes the body of an error answer; its field `error` is the reason phrase of the status. */
export function errorAnswer (
  statusCode: number, code: string, message: string, problems?: Problem[]
): ErrorAnswer {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message, ...(problems && { problems }) }
}

import { Type } from '../../schema.ts'
import type { EndingFault } from '../fault-type.ts'

const fields = {
  status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599, description: 'abort: the status to answer with' }))
}

/** Answers with any 4xx or 5xx status and no body. */
export const abort: EndingFault<'abort', typeof fields, { status: number }> = {
  type: 'abort',
  fields,
  answers: true,
  settingsOf ({ status }) {
    return status === undefined ? [{ where: 'body/status', what: 'is needed by type abort' }] : { status }
  },
  end ({ status }, { reply }) {
    reply.code(status).send()
  }
}

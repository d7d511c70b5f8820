import type { EndingFault } from '../fault-type.ts'

const fields = {}

/** Answers with 500 and no body. */
export const error500: EndingFault<'500', typeof fields, object> = {
  type: '500',
  fields,
  answers: true,
  settingsOf: () => ({}),
  end (_settings, { reply }) {
    reply.code(500).send()
  }
}

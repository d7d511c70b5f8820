import fp from 'fastify-plugin'
import { Type } from 'typebox'
import { readableAddress } from './addresses.ts'
import { LOG_LEVELS } from './config.ts'
import { ErrorAnswer } from './errors.ts'
import { isLoopback } from './loopback.ts'
import { RequestError } from './request-error.ts'

const Level = Type.Object({ level: Type.Enum(LOG_LEVELS) }, { additionalProperties: false, title: 'LogLevel' })

/** `/log-level` shows the level of the log and changes it while the service runs, from inside the pod alone. */
export const logLevel = fp(async app => {
  const onRequest = async (request: { socket: { remoteAddress?: string } }) => {
    const { remoteAddress } = request.socket
    if (!isLoopback(remoteAddress)) throw new RequestError(403, 'LOG_LEVEL_FORBIDDEN', `the level of the log can be read and set from inside the pod alone; you come from ${readableAddress(remoteAddress)}`)
  }
  const level = () => ({ level: app.log.level })

  app.get('/log-level', {
    config: { operational: true },
    onRequest,
    schema: { tags: ['operations'], summary: 'The level of the log', response: { 200: Level, 403: ErrorAnswer } }
  }, level)

  app.put<{ Body: { level: string } }>('/log-level', {
    config: { operational: true },
    onRequest,
    schema: { tags: ['operations'], summary: 'Change the level of the log', body: Level, response: { 200: Level, 400: ErrorAnswer, 403: ErrorAnswer } }
  }, request => {
    const from = app.log.level
    app.log.level = request.body.level
    app.log.child({}, { level: 'trace' }).warn({ from, to: app.log.level }, 'level of the log changed') // whichever levels these are
    return level()
  })
}, { name: 'log-level' })

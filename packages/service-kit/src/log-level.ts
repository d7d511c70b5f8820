import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LOG_LEVELS } from './config.ts'
import { ErrorAnswer } from './errors.ts'
import { outsideReason } from './loopback.ts'
import { RequestError } from './request-error.ts'
import { Type } from './schema.ts'

const Level = Type.Object({ level: Type.Enum(LOG_LEVELS) }, { additionalProperties: false, title: 'LogLevel' })

/** `/log-level` shows the log level and changes it while the service runs. Only callers inside the pod may use it. */
export const logLevel = fp(async app => {
  const onRequest = async (request: FastifyRequest) => {
    const outside = outsideReason(request)
    if (outside === undefined) return
    const message = `the log level can be read and set only from inside the pod, but ${outside}; ` +
      'use kubectl exec POD -- curl localhost:PORT/log-level, or kubectl port-forward'
    throw new RequestError(403, 'LOG_LEVEL_FORBIDDEN', message)
  }
  const level = () => ({ level: app.log.level })

  app.get('/log-level', {
    config: { operational: true },
    onRequest,
    schema: { tags: ['operations'], summary: 'The log level', response: { 200: Level, 403: ErrorAnswer } }
  }, level)

  app.put<{ Body: { level: string } }>('/log-level', {
    config: { operational: true },
    onRequest,
    schema: {
      tags: ['operations'],
      summary: 'Change the log level',
      body: Level,
      response: { 200: Level, 400: ErrorAnswer, 403: ErrorAnswer, 415: ErrorAnswer }
    }
  }, request => {
    const from = app.log.level
    app.log.level = request.body.level
    const alwaysLogs = app.log.child({}, { level: 'trace' }) // neither the old nor the new level may hide this line
    alwaysLogs.warn({ from, to: app.log.level }, 'log level changed')
    return level()
  })
}, { name: 'log-level' })

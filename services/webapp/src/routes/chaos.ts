import {
  callerOf, ErrorAnswer, forwardIdentity, NoBody, rebindingReason, RequestError, Type
} from '@outfitters/service-kit'
import { logUpstreamError, UpstreamError } from '@outfitters/service-kit/upstream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { FaultCall } from '../clients/faults.ts'
import type { WebappConfig } from '../config.ts'

const PodParams = Type.Object({
  service: Type.Enum(['catalog', 'forum']),
  pod: Type.String({ pattern: '^[!-~]{1,253}$', description: "a pod's name, as in x-served-by" })
})
interface PodRoute { Params: Static<typeof PodParams> }

const Refusals = {
  400: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer, 502: ErrorAnswer
}

/**
 * The faults of the pods behind the webapp, for the page.
 *
 * A gateway opens these routes to all clients, so they work only if CHAOS_ACCESS is `any` both here and in the pod.
 * Scripts of other sites cannot use them: as at /blowup, there is no CORS, and a body must have the content type of
 * JSON.
 */
export const chaosRoutes: FastifyPluginAsync<Pick<WebappConfig, 'CHAOS_ACCESS'>> = async (app, { CHAOS_ACCESS }) => {
  app.addHook('onRequest', async request => {
    if (CHAOS_ACCESS === 'any') {
      const reason = rebindingReason(request)
      if (reason !== undefined) throw new RequestError(403, 'CHAOS_FORBIDDEN', reason)
      return
    }
    throw new RequestError(403, 'CHAOS_FORBIDDEN', [
      `the webapp sets faults in other services only with CHAOS_ACCESS=any, but CHAOS_ACCESS is ${CHAOS_ACCESS};`,
      'set them from a terminal: kubectl exec POD -- curl localhost:PORT/blowup'
    ].join(' '))
  })

  app.setErrorHandler((error: Error, request, reply) => {
    if (!(error instanceof UpstreamError)) throw error
    logUpstreamError(request, error)
    forwardIdentity(reply, error.answer?.identity)
    const answer: ErrorAnswer = { statusCode: 502, code: error.code, error: 'Bad Gateway', message: error.message }
    return reply.code(502).send(answer)
  })

  const url = '/api/chaos/:service/:pod'
  const config = { operational: true }

  app.get<PodRoute>(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: "A pod's rules by name, each with its hits and what is left of it",
      params: PodParams,
      response: { 200: Type.Record(Type.String(), Type.Unknown()), ...Refusals }
    }
  }, (request, reply) => forward(request, reply, { method: 'GET', pod: request.params.pod }))

  app.post<PodRoute>(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: "Set a rule in a pod; the body is the same as for the pod's /blowup",
      consumes: ['application/json'],
      params: PodParams,
      body: Type.Unknown(),
      response: { 204: NoBody, ...Refusals }
    }
  }, (request, reply) => forward(request, reply, { method: 'POST', pod: request.params.pod, body: request.body }))

  app.delete<PodRoute>(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: "Delete a pod's rules by type or by name; without a body, delete all",
      consumes: ['application/json'],
      params: PodParams,
      body: Type.Unknown(),
      response: { 204: NoBody, ...Refusals }
    }
  }, (request, reply) => {
    const body = request.body ?? undefined
    return forward(request, reply, { method: 'DELETE', pod: request.params.pod, body })
  })

  async function forward (request: FastifyRequest<PodRoute>, reply: FastifyReply, call: FaultCall) {
    const faults = app.faults[request.params.service]
    const { status, body, identity } = await faults.call(call, callerOf(request, reply))
    forwardIdentity(reply, identity)
    if (status === 200 && call.method !== 'GET') return reply.code(204).send()
    return reply.code(status).type('application/json; charset=utf-8').send(body)
  }
}

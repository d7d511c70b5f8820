import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf, ErrorAnswer, forwardIdentity, NoBody, RequestError } from '@outfitters/service-kit'
import { logUpstreamError, UpstreamError } from '@outfitters/service-kit/upstream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { FaultCall } from '../clients/faults.ts'
import type { WebappConfig } from '../config.ts'

const OfPod = Type.Object({
  service: Type.Enum(['catalog', 'forum']),
  pod: Type.String({ pattern: '^[!-~]{1,253}$', description: "a pod's name, as x-served-by has it" })
})
const REFUSALS = { 400: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer, 502: ErrorAnswer }

/**
 * The faults of the pods behind the webapp, for its page. A gateway shows these routes to everybody, so they are open only where
 * CHAOS_ACCESS=any says so of this service, and the pod that is meant says the same of itself. As at /blowup there is no CORS, and a
 * body must be JSON by its content type: no other page's script gets in.
 */
export const chaosRoutes: FastifyPluginAsyncTypebox<Pick<WebappConfig, 'CHAOS_ACCESS'>> = async (app, { CHAOS_ACCESS }) => {
  app.addHook('onRequest', async () => {
    if (CHAOS_ACCESS !== 'any') {
      throw new RequestError(403, 'CHAOS_FORBIDDEN', `faults of other services are set through the webapp only with CHAOS_ACCESS=any; here it is ${CHAOS_ACCESS}: kubectl exec POD -- curl localhost:PORT/blowup`)
    }
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

  app.get(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: "A pod's rules by name, with what they did and what is left of them",
      params: OfPod,
      response: { 200: Type.Unsafe<string>(Type.Record(Type.String(), Type.Unknown())), ...REFUSALS }
    }
  }, (request, reply) => handOn(request, reply, { method: 'GET', pod: request.params.pod }))

  app.post(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: 'Set a rule in a pod; the body is as for its /blowup',
      consumes: ['application/json'],
      params: OfPod,
      body: Type.Unknown(),
      response: { 204: NoBody, ...REFUSALS }
    }
  }, (request, reply) => handOn(request, reply, { method: 'POST', pod: request.params.pod, body: request.body }))

  app.delete(url, {
    config,
    schema: {
      tags: ['faults'],
      summary: "Delete a pod's rules of a type, or the rule of a name; with no body, all of them",
      consumes: ['application/json'],
      params: OfPod,
      body: Type.Unknown(),
      response: { 204: NoBody, ...REFUSALS }
    }
  }, (request, reply) => handOn(request, reply, { method: 'DELETE', pod: request.params.pod, body: request.body ?? undefined }))

  async function handOn (request: FastifyRequest, reply: FastifyReply, call: FaultCall): Promise<never> {
    const { service } = request.params as { service: 'catalog' | 'forum' }
    const { status, body, identity } = await app.faults[service].call(call, callerOf(request, reply))
    forwardIdentity(reply, identity)
    if (status === 200 && call.method !== 'GET') return reply.code(204).send(undefined) as never
    return reply.code(status).type('application/json; charset=utf-8').serializer((text: string) => text).send(body) as never
  }
}

import { Type } from 'typebox'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { readableAddress } from '../addresses.ts'
import type { BaseConfig } from '../config.ts'
import { ErrorAnswer } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import { RequestError } from '../request-error.ts'
import { checkRule, RuleBody } from './rule.ts'
import { isBelow, type FaultRules } from './rules.ts'

/** What the routes work on, and for whom. */
export interface BlowupOptions {
  rules: FaultRules
  access: BaseConfig['CHAOS_ACCESS']
  /** the pod whose rules they are */
  pod: string
}

const Text = Type.String()
const Deletion = Type.Unsafe<{ type?: RuleBody['type'], name?: string } | null>(Type.Object({
  type: RuleBody.properties.type,
  name: RuleBody.properties.name
}, { required: [], nullable: true, minProperties: 1, maxProperties: 1, additionalProperties: false }))
const ForPod = Type.Object({
  'x-chaos-pod': Type.Optional(Type.String({ description: 'the pod that is meant; any other answers 421, and names itself in x-served-by' }))
})

/** `/blowup`, the book's name for setting, reading and deleting faults. There is no CORS here: no other page's script gets in. */
export const blowupRoutes: FastifyPluginAsyncTypebox<BlowupOptions> = async (app, { rules, access, pod }) => {
  app.addHook('onRequest', async request => {
    const refusal = refusalOf(access, request.socket.remoteAddress)
    if (refusal !== undefined) throw new RequestError(403, 'CHAOS_FORBIDDEN', refusal)

    // A Service addresses none of its pods, so a call names the one that it is for, and whom it meets by chance says who that is.
    const meant = request.headers['x-chaos-pod']
    if (meant !== undefined && meant !== pod) throw new RequestError(421, 'CHAOS_OTHER_POD', `this is pod ${pod}, and x-chaos-pod names ${meant}; try again to meet another`)
  })

  app.get('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'The rules by name, with what they did and what is left of them',
      headers: ForPod,
      response: { 200: Type.Unsafe<string>(Type.Record(Type.String(), Type.Unknown())), 403: ErrorAnswer, 421: ErrorAnswer }
    }
  }, (_request, reply) => {
    reply.type('application/json; charset=utf-8').send(JSON.stringify(rules.view(), null, 2))
  })

  app.post('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'Set a rule, in place of the one with its name',
      consumes: ['application/json'],
      produces: ['text/plain'],
      headers: ForPod,
      body: RuleBody,
      response: { 200: Text, 400: ErrorAnswer, 403: ErrorAnswer, 409: ErrorAnswer, 415: ErrorAnswer, 421: ErrorAnswer }
    }
  }, (request, reply) => {
    const rule = checkRule(request.body)
    refuseOperational(rule.scope?.path)
    rules.set(rule)
    const { scope: { header, ...scope } = {}, ...told } = rule // no values of headers in the log
    app.log.warn({ rule: { ...told, scope: { ...scope, header: header && Object.keys(header) } } }, 'fault set')
    reply.type('text/plain; charset=utf-8').send(`blowups=${JSON.stringify(rules.view())}`)
  })

  app.delete('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'Delete the rules of a type, or the rule of a name; with no body, all of them',
      consumes: ['application/json'],
      produces: ['text/plain'],
      headers: ForPod,
      body: Deletion,
      response: { 200: Text, 400: ErrorAnswer, 403: ErrorAnswer, 415: ErrorAnswer, 421: ErrorAnswer }
    }
  }, (request, reply) => {
    const { type, name } = request.body ?? {}
    if (type !== undefined) rules.deleteType(type)
    else if (name !== undefined) rules.deleteName(name)
    else rules.clear()
    app.log.warn({ type, name }, 'fault deleted')
    reply.type('text/plain; charset=utf-8').send(`deleted blowup ${type ?? name ?? 'rules'}`)
  })

  function refuseOperational (path: string | undefined): void {
    const never = path === undefined ? undefined : [...app.operationalUrls].find(url => isBelow(url, path))
    if (never !== undefined) {
      throw RequestError.invalid('FAULT_RULE_INVALID', [{ where: 'body/scope/path', what: `would hit ${never}, which faults never hit` }])
    }
  }
}

/** Why a caller may not use /blowup; undefined where it may. */
function refusalOf (access: BaseConfig['CHAOS_ACCESS'], remoteAddress: string | undefined): string | undefined {
  if (access === 'any') return undefined
  if (access === 'off') return 'faults are switched off here (CHAOS_ACCESS=off)'
  if (isLoopback(remoteAddress)) return undefined
  return `faults can be read and set from inside the pod alone (CHAOS_ACCESS=local): kubectl exec POD -- curl localhost:PORT/blowup, or kubectl port-forward; you come from ${readableAddress(remoteAddress)}`
}

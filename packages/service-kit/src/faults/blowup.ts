import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { TextBody } from '../bodies.ts'
import type { BaseConfig } from '../config.ts'
import { ErrorAnswer } from '../errors.ts'
import { outsideReason, rebindingReason } from '../loopback.ts'
import { RequestError } from '../request-error.ts'
import { Type } from '../schema.ts'
import { parseRule, RuleBody } from './rule.ts'
import { isBelow, type FaultRules } from './rules.ts'

/** The rules that the routes change, and the callers that may change them. */
export interface BlowupOptions {
  rules: FaultRules
  access: BaseConfig['CHAOS_ACCESS']
  /** the name of this pod */
  pod: string
}

const Refusals = { 400: ErrorAnswer, 403: ErrorAnswer, 415: ErrorAnswer, 421: ErrorAnswer }
/** The handler serializes the rules itself, so its type is a string. */
const RulesByName = Type.Unsafe<string>(Type.Record(Type.String(), Type.Unknown()))
const Deletion = Type.Unsafe<{ type?: RuleBody['type'], name?: string } | null>(Type.Object({
  type: RuleBody.properties.type,
  name: RuleBody.properties.name
}, { required: [], nullable: true, minProperties: 1, maxProperties: 1, additionalProperties: false }))
const ForPod = Type.Object({
  'x-chaos-pod': Type.Optional(Type.String({
    description: 'the pod that the call is for; any other pod answers 421, with its own name in x-served-by'
  }))
})

/**
 * `/blowup` sets, reads and deletes faults. The name is the book's. The routes have no CORS, so that scripts of other
 * sites cannot call them.
 */
export const blowupRoutes: FastifyPluginAsyncTypebox<BlowupOptions> = async (app, { rules, access, pod }) => {
  app.addHook('onRequest', async request => {
    const refusal = refusalOf(access, request)
    if (refusal !== undefined) throw new RequestError(403, 'CHAOS_FORBIDDEN', refusal)

    // A Service cannot address one of its pods. So a call names the pod that it is for, and every other pod refuses it.
    const meant = request.headers['x-chaos-pod']
    if (meant === undefined || meant === pod) return
    const message = `this is pod ${pod}, but x-chaos-pod names ${meant}; try again to reach another pod`
    throw new RequestError(421, 'CHAOS_OTHER_POD', message)
  })

  app.get('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'The rules by name, with their hits and what is left of them',
      headers: ForPod,
      response: { 200: RulesByName, 403: ErrorAnswer, 421: ErrorAnswer }
    }
  }, (_request, reply) => {
    reply.type('application/json; charset=utf-8').send(JSON.stringify(rules.view(), null, 2))
  })

  app.post('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'Set a rule; it replaces the rule with the same name',
      consumes: ['application/json'],
      headers: ForPod,
      body: RuleBody,
      response: { 200: TextBody(), ...Refusals, 409: ErrorAnswer }
    }
  }, (request, reply) => {
    const rule = parseRule(request.body)
    requireNoOperationalRoute(rule.scope?.path)
    rules.set(rule)
    const { scope: { header, ...scope } = {}, ...rest } = rule
    const withoutValues = { ...scope, header: header && Object.keys(header) } // headers may hold confidential values
    app.log.warn({ rule: { ...rest, scope: withoutValues } }, 'fault set')
    reply.type('text/plain; charset=utf-8').send(`blowups=${JSON.stringify(rules.view())}`)
  })

  app.delete('/blowup', {
    config: { operational: true },
    schema: {
      tags: ['faults'],
      summary: 'Delete the rules of a type, or the rule of a name; with no body, all of them',
      consumes: ['application/json'],
      headers: ForPod,
      body: Deletion,
      response: { 200: TextBody(), ...Refusals }
    }
  }, (request, reply) => {
    const { type, name } = request.body ?? {}
    if (type !== undefined) rules.deleteType(type)
    else if (name !== undefined) rules.deleteName(name)
    else rules.clear()
    app.log.warn({ type, name }, 'fault deleted')
    reply.type('text/plain; charset=utf-8').send(`deleted blowup ${type ?? name ?? 'rules'}`)
  })

  function requireNoOperationalRoute (path: string | undefined): void {
    if (path === undefined) return
    const hit = [...app.operationalUrls].find(url => isBelow(url, path))
    if (hit === undefined) return
    const problem = { where: 'body/scope/path', what: `would hit ${hit}, which faults never hit` }
    throw RequestError.invalid('FAULT_RULE_INVALID', [problem])
  }
}

/** Says why a client may not use /blowup; undefined if it may. */
function refusalOf (access: BaseConfig['CHAOS_ACCESS'], request: FastifyRequest): string | undefined {
  if (access === 'any') return rebindingReason(request)
  if (access === 'off') return 'faults are switched off here (CHAOS_ACCESS=off)'
  const outside = outsideReason(request)
  if (outside === undefined) return undefined
  return `faults can be read and set only from inside the pod (CHAOS_ACCESS=local), but ${outside}; ` +
    'use kubectl exec POD -- curl localhost:PORT/blowup, or kubectl port-forward'
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../cluster/command.ts'
import { pathOf } from '../cluster/manifests.ts'
import { NEEDS, type Exercise } from './exercise.ts'

/** The API whose objects route the requests: Istio's own, or the Kubernetes Gateway API. */
export type Api = 'istio' | 'gateway'

/** Finds Istio's routing kinds that the Gateway API replaces, and objects that select Istio's own gateway. */
const ROUTING = /^kind: (Gateway|VirtualService)$|istio: ingressgateway/m

const absolute = (file: string) => join(ROOT, pathOf(file))

/** Where the twin of a file would be. */
const twinOf = (file: string) => file.replace(/^istio\//, 'gateway-api/')

/** The file to apply for an API: with the Gateway API, the twin of the file if it has one. */
export function fileFor (file: string, api: Api): string {
  return api === 'gateway' && existsSync(absolute(twinOf(file))) ? twinOf(file) : file
}

/** Whether the Gateway API can do an exercise: it routes, and all of its routing files have twins. */
export function hasTwin ({ id, needs, steps }: Exercise): boolean {
  // Exercises of other chapters would often work too. But a Gateway in the exercise's namespace is subject to all
  // policies for that namespace, and Istio's gateway is not.
  if (!existsSync(absolute(`gateway-api/${id.split('.')[0]}`))) return false
  const needed = needs.flatMap(need => NEEDS[need].file ?? [])
  const applied = steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])
  const isRouting = (file: string) =>
    statSync(absolute(file)).isFile() && ROUTING.test(readFileSync(absolute(file), 'utf8'))
  const routing = [...needed, ...applied].filter(isRouting)
  return routing.length > 0 && routing.every(file => fileFor(file, 'gateway') !== file)
}

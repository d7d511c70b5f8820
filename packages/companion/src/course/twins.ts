import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../cluster/command.ts'
import { NEEDS, type Exercise } from './exercise.ts'
import { pathOf } from '../cluster/manifests.ts'

/** By whose objects an exercise routes: Istio's own, or those of the Kubernetes Gateway API. */
export type Api = 'istio' | 'gateway'

/** Kinds of Istio's for which the Gateway API has others, and whatever else is about Istio's own gateway. */
const ROUTING = /^kind: (Gateway|VirtualService)$|istio: ingressgateway/m

const twinOf = (file: string) => file.replace(/^istio\//, 'gateway-api/')

/** The file that is applied in place of a file: its twin where it has one, if the API says so. */
export function fileFor (file: string, api: Api): string {
  return api === 'gateway' && existsSync(join(ROOT, pathOf(twinOf(file)))) ? twinOf(file) : file
}

/** Whether an exercise is of a chapter with twins, routes at all, and everything by which it does has one. */
export function hasTwin ({ id, needs, steps }: Exercise): boolean {
  // Others would often do: but a Gateway of the namespace's own is subject to all that is said of the whole namespace, as Istio's is not.
  if (!existsSync(join(ROOT, pathOf(`gateway-api/${id.split('.')[0]}`)))) return false
  const files = [...needs.flatMap(need => NEEDS[need].file ?? []), ...steps.flatMap(step => step.kind === 'apply' ? [step.file] : [])]
  const routing = files.filter(file => statSync(join(ROOT, pathOf(file))).isFile() && ROUTING.test(readFileSync(join(ROOT, pathOf(file)), 'utf8')))
  return routing.length > 0 && routing.every(file => fileFor(file, 'gateway') !== file)
}

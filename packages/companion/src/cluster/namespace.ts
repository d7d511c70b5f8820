import type { Kubectl, KubeObject } from './kubectl.ts'
import { keyOf, nameOf } from './manifests.ts'

/** As whom the API server knows us where what we make may outlive our knowledge of it: it tells with each object who has made it. */
export const MANAGER = 'outfitters-companion'

/** The same for what the exercises in a namespace make in another one. */
export const managerFor = (namespace: string) => `${MANAGER}.${namespace}`

/** The namespaces whose exercises have made, or changed, an object that is in none of them. */
export function makersOf ({ metadata: { managedFields = [] } }: KubeObject): string[] {
  return (managedFields as { manager?: string }[]).flatMap(({ manager = '' }) => manager.startsWith(managerFor('')) ? manager.slice(managerFor('').length) : [])
}

/** What the cluster itself puts into every namespace. */
const USUAL = ['configmap/kube-root-ca.crt', 'configmap/istio-ca-root-cert', 'configmap/istio-ca-crl', 'serviceaccount/default']
const PASSING = ['Event', 'Endpoints', 'EndpointSlice', 'PodMetrics']

/**
 * What somebody has put into a namespace, as `deployment.apps/mine`: beside what is `known`, what the cluster puts there, what belongs to
 * another object, and what is going.
 */
export async function othersIn (kubectl: Kubectl, known: string[]): Promise<string[]> {
  const kinds = (await kubectl.tryCluster(['api-resources', '--namespaced', '--verbs=list,delete', '-o', 'name'])).stdout.trim().split('\n')
  const found = await kubectl.objects([kinds.join(',')])
  const isSomebodys = ({ kind, metadata }: KubeObject) => !PASSING.includes(kind) && metadata['ownerReferences'] === undefined && metadata['deletionTimestamp'] === undefined
  return [...new Set(found.filter(isSomebodys).map(object => nameOf(keyOf(object, kubectl.namespace))))].filter(name => !known.includes(name) && !USUAL.includes(name))
}

/** Whether the companion has made the namespace, and nothing is in it: a run was killed before it wrote anything down, or has not come to it yet. */
export async function isMadeAndEmpty (kubectl: Kubectl): Promise<boolean> {
  const { stdout } = await kubectl.tryCluster(['get', 'namespace', kubectl.namespace, '--ignore-not-found', '--show-managed-fields', '-o', 'jsonpath={.status.phase} {.metadata.managedFields[*].manager}'])
  const [phase, ...managers] = stdout.split(' ')
  return phase === 'Active' && managers.includes(MANAGER) && (await othersIn(kubectl, [])).length === 0
}

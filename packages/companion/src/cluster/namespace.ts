import type { Kubectl, KubeObject } from './kubectl.ts'
import { keyOf, resourceOf } from './manifests.ts'

/** Our field manager: it marks the namespaces that the companion makes. */
export const MANAGER = 'outfitters-companion'

/** The field manager for objects that the exercises of a namespace make or change in another namespace. */
export const managerFor = (namespace: string) => `${MANAGER}.${namespace}`

/** The namespaces whose exercises have made or changed an object that is in another namespace. */
export function makersOf ({ metadata: { managedFields = [] } }: KubeObject): string[] {
  const prefix = managerFor('')
  return (managedFields as { manager?: string }[])
    .flatMap(({ manager = '' }) => manager.startsWith(prefix) ? manager.slice(prefix.length) : [])
}

/** What the cluster puts into every namespace. */
const BUILT_IN = [
  'configmap/kube-root-ca.crt', 'configmap/istio-ca-root-cert', 'configmap/istio-ca-crl', 'serviceaccount/default'
]

/** Kinds that the cluster makes and deletes on its own. */
const TRANSIENT = ['Event', 'Endpoints', 'EndpointSlice', 'PodMetrics']

/**
 * Lists what users have put into a namespace, as `deployment.apps/mine`. The list leaves out the objects in `known`,
 * and objects that the cluster made, that another object owns, or that are being deleted.
 */
export async function userObjectsIn (kubectl: Kubectl, known: string[]): Promise<string[]> {
  const listable = ['api-resources', '--namespaced', '--verbs=list,delete', '-o', 'name']
  const kinds = (await kubectl.tryCluster(listable)).stdout.trim().split('\n')
  const found = await kubectl.objects([kinds.join(',')])
  const isMadeByUser = ({ kind, metadata }: KubeObject) => !TRANSIENT.includes(kind) &&
    metadata['ownerReferences'] === undefined && metadata['deletionTimestamp'] === undefined
  const names = new Set(found.filter(isMadeByUser).map(object => resourceOf(keyOf(object, kubectl.namespace))))
  return [...names].filter(name => !known.includes(name) && !BUILT_IN.includes(name))
}

/**
 * Whether the companion made the namespace and nothing is in it yet: a run has just made it, or was killed right after
 * that.
 */
export async function isMadeAndEmpty (kubectl: Kubectl): Promise<boolean> {
  const { stdout } = await kubectl.tryCluster([
    'get', 'namespace', kubectl.namespace, '--ignore-not-found', '--show-managed-fields',
    '-o', 'jsonpath={.status.phase} {.metadata.managedFields[*].manager}'
  ])
  const [phase, ...managers] = stdout.split(' ')
  return phase === 'Active' && managers.includes(MANAGER) && (await userObjectsIn(kubectl, [])).length === 0
}

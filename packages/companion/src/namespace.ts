import type { Kubectl, KubeObject } from './kubectl.ts'
import { keyOf, nameOf } from './manifests.ts'

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

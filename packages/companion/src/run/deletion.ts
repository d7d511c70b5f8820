import { allSettled } from '../cluster/settled.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { inEach, keyOf, resourceOf } from '../cluster/manifests.ts'
import { isRolledOut } from '../cluster/workloads.ts'

/** Deployments, what the cluster has made for them, and their pods. */
export interface Owned {
  /** Deployments and their ReplicaSets */
  owners: KubeObject[]
  pods: KubeObject[]
}

const isOwnedBy = (object: KubeObject, owner: KubeObject) =>
  ((object.metadata['ownerReferences'] ?? []) as { uid: string }[]).some(({ uid }) => uid === owner.metadata['uid'])

/**
 * The Deployments with these keys, and what they own.
 *
 * @param found the Deployments, ReplicaSets and pods of the namespace, perhaps among others
 */
export function ownedBy (keys: string[], found: KubeObject[], { namespace }: Pick<Kubectl, 'namespace'>): Owned {
  const deployments = found.filter(object => object.kind === 'Deployment' && keys.includes(keyOf(object, namespace)))
  const replicaSets = found.filter(object => deployments.some(deployment => isOwnedBy(object, deployment)))
  const pods = found.filter(object => replicaSets.some(replicaSet => isOwnedBy(object, replicaSet)))
  return { owners: [...deployments, ...replicaSets], pods }
}

/**
 * Deletes objects. The pods of Deployments get hardly any grace: nothing calls them anymore. They are deleted with
 * their owners, because the cluster gives all of their grace to pods whose owner is gone.
 *
 * @param owned the Deployments among the objects, and what they own
 * @param options.wait until they are gone: `kubectl apply` does not recreate an object that still exists
 */
export async function deleteAll (
  kubectl: Kubectl, keys: string[], { owners, pods }: Owned, { wait }: { wait: boolean }
): Promise<void> {
  // A Deployment that has not rolled out may make another pod at this moment. The cluster then deletes what it owns.
  const isQuick = owners.every(object => object.kind !== 'Deployment' || isRolledOut(object))
  const quick = isQuick ? [...owners, ...pods].map(object => keyOf(object, kubectl.namespace)) : []
  const options = ['--cascade=orphan', '--grace-period=1', `--wait=${wait}`, '--ignore-not-found']
  const complete = kubectl.with({ signal: undefined }) // otherwise Ctrl-C could leave pods without an owner
  await allSettled([
    deleteObjects(kubectl, keys.filter(key => !quick.includes(key))),
    quick.length === 0 ? undefined : complete.run(['delete', ...quick.map(resourceOf), ...options])
  ])
}

/** Deletes objects, and waits until they are gone. */
export async function deleteObjects (kubectl: Kubectl, keys: string[]): Promise<void> {
  await inEach(kubectl, keys, (kubectl, some) =>
    kubectl.run(['delete', ...some.map(resourceOf), '--ignore-not-found']))
}

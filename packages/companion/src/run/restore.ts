import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clearFaults, restoreFaults } from '../cluster/chaos.ts'
import { messageOf } from '../cluster/errors.ts'
import type { Kubectl, KubeObject } from '../cluster/kubectl.ts'
import { asList, deploymentsOf, inEach, keyOf, mustBeRecreated, resourceOf } from '../cluster/manifests.ts'
import { userObjectsIn } from '../cluster/namespace.ts'
import { isBeingDeleted, waitForNewPods, waitUntilGone } from '../cluster/workloads.ts'
import { deleteAll, ownedBy } from './deletion.ts'
import { SECRET } from './lease.ts'
import type { Restored } from './reporter.ts'
import { asApplied, difference, FOLDER_PREFIX, type PatchOperation, type Snapshot } from './snapshot.ts'

/** Does some work. If that fails, records the error, so that the rest is restored all the same. */
type Attempt = (work: () => Promise<unknown>) => Promise<void>

/** Restores what was there before the exercises, and deletes the snapshot if that succeeds. Ctrl-C does not end it. */
export async function restore (snapshot: Snapshot): Promise<Restored> {
  const { kubectl, namespaceIsOurs, created, originals, faults } = snapshot
  const unrestored: string[] = []
  const attempt: Attempt = async work => {
    await work().catch((error: unknown) => { unrestored.push(messageOf(error)) })
  }

  snapshot.removeFolder()
  if (!namespaceIsOurs) await attempt(() => clearFaults(kubectl)) // those of the exercise: its pods may stay
  const found = namespaceIsOurs ? usersObjects(snapshot) : []
  await inEach(kubectl, created, (each, keys) =>
    attempt(() => each.run(['delete', ...keys.map(resourceOf), '--ignore-not-found', '--wait=false'])))
  await inEach(kubectl, [...originals.keys()], (each, keys) =>
    attempt(() => restoreObjects(each, keys, originals, attempt)))
  if (faults.length > 0) {
    // A Deployment that does not roll out is reported below, since its faults cannot be set.
    await waitForNewPods(kubectl, deploymentsOf([...originals.values()])).catch(() => {})
    await attempt(async () => { unrestored.push(...await restoreFaults(kubectl, faults)) })
  }
  if (unrestored.length > 0) {
    snapshot.abandon()
    return { unrestored, kept: [] }
  }
  const kept = await found
  await attempt(() => snapshot.delete({ withNamespace: namespaceIsOurs && kept.length === 0 }))
  snapshot.abandon()
  return { unrestored, kept }
}

/** What the user has put into a namespace that the companion made. */
async function usersObjects ({ kubectl, created }: Snapshot): Promise<string[]> {
  const known = [`secret/${SECRET}`, ...created.map(resourceOf)]
  return await userObjectsIn(kubectl, known)
    .catch((error: unknown) => [`unknown objects, since they cannot be listed (${messageOf(error)})`])
}

/** Creates objects again that are gone or whose immutable fields have changed, and patches the others. */
async function restoreObjects (
  kubectl: Kubectl, keys: string[], originals: Map<string, KubeObject>, attempt: Attempt
): Promise<void> {
  const original = (key: string) => originals.get(key) as KubeObject
  const read = async () => {
    let objects = await kubectl.objects(keys.map(resourceOf))
    const leaving = objects.filter(isBeingDeleted)
    if (leaving.length > 0) {
      await waitUntilGone(kubectl, leaving)
      objects = await kubectl.objects(keys.map(resourceOf))
    }
    return new Map(objects.map(object => [keyOf(object, kubectl.namespace), asApplied(object)]))
  }
  let present = await read()
  const unchangeable = [...present.keys()].filter(key =>
    mustBeRecreated(present.get(key) as KubeObject, original(key)))
  if (unchangeable.length > 0) {
    await attempt(async () => {
      const owned = ownedBy(unchangeable, await kubectl.objects(['deployments,replicasets,pods']), kubectl)
      await deleteAll(kubectl, unchangeable, owned, { wait: true })
    })
    present = await read()
  }
  const missing = keys.filter(key => !present.has(key))
  if (missing.length > 0) {
    const input = { text: asList(missing.map(original)), is: missing.map(resourceOf).join(' ') }
    await attempt(() => kubectl.run(['create', '-f', '-'], input))
    present = await read() // create has rewritten the annotation of kubectl apply
  }
  for (const [key, object] of present) {
    const patch = difference(object, original(key))
    if (patch.length > 0) await attempt(() => patchObject(kubectl, key, patch))
  }
}

/** Patches by a file: the content of a Secret must not be in the terminal, nor in the list of processes. */
async function patchObject (kubectl: Kubectl, key: string, patch: PatchOperation[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX))
  try {
    const file = join(folder, 'patch.json')
    writeFileSync(file, JSON.stringify(patch))
    await kubectl.run(['patch', resourceOf(key), '--type=json', `--patch-file=${file}`])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

import { Trouble } from './errors.ts'
import { pullAdvice } from './images.ts'
import { KubectlError, type CommandKind, type Kubectl, type KubeObject } from './kubectl.ts'
import { keyOf, resourceOf } from './manifests.ts'
import { until } from './until.ts'

/** The port of each service of the store in its pod. */
export { PORTS } from '../../../../scripts/project.ts'

interface ContainerStatus {
  name: string
  image: string
  state: { waiting?: { reason?: string, message?: string } }
}

/** A Pod: the fields that matter here. */
export interface Pod extends KubeObject {
  spec: { containers: { name: string }[], initContainers?: { name: string }[] }
  status: {
    phase?: string
    conditions?: { type: string, status: string }[]
    containerStatuses?: ContainerStatus[]
  }
}

interface Deployment extends KubeObject {
  spec: { replicas?: number }
  status?: Partial<Record<'observedGeneration' | 'replicas' | 'updatedReplicas' | 'availableReplicas', number>>
}

/** Why a container waits if it cannot start until its pod or its image changes. */
const IMAGE_REASONS = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']
const CRASH_REASONS = ['CrashLoopBackOff', 'CreateContainerConfigError', 'CreateContainerError']

/**
 * Waits until all pods of Deployments are new and ready. Previous pods may still answer.
 *
 * @throws {Trouble} as soon as an image cannot be pulled or a container does not start, and after two minutes
 */
export async function waitForNewPods (
  kubectl: Kubectl, deployments: string[], kind: CommandKind = 'upkeep'
): Promise<void> {
  await unlessStuck(kubectl, deployments, waitForStatus(kubectl, deployments, kind))
}

/**
 * Waits until Deployments have rolled out and their previous pods are gone: those still answer for a while.
 *
 * @returns the pods of the Deployments
 * @throws {Trouble} as soon as an image cannot be pulled or a container does not start, and after two minutes
 */
export async function waitForRollout (
  kubectl: Kubectl, deployments: string[], kind: CommandKind = 'upkeep'
): Promise<Pod[]> {
  await waitForNewPods(kubectl, deployments, kind)
  const pods = await podsOf(kubectl, deployments)
  await waitUntilGone(kubectl, pods.filter(isBeingDeleted))
  return pods.filter(pod => !isBeingDeleted(pod))
}

/**
 * Waits until a pod is ready.
 *
 * @throws {Trouble} as soon as its image cannot be pulled or its container does not start
 * @throws {KubectlError} when it is not ready after two minutes
 */
export async function waitForPod (kubectl: Kubectl, name: string): Promise<void> {
  const ready = kubectl.run(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s'])
  await unlessStuck(kubectl, [name], ready)
}

/** Waits up to a minute until objects that are being deleted are gone. */
export async function waitUntilGone (kubectl: Kubectl, objects: KubeObject[]): Promise<void> {
  if (objects.length === 0) return
  const names = objects.map(object => resourceOf(keyOf(object, kubectl.namespace)))
  await kubectl.try(['wait', '--for=delete', ...names, '--timeout=60s'])
}

/** Waits for `work`, or throws as soon as a container of these owners is stuck. */
async function unlessStuck (kubectl: Kubectl, owners: string[], work: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const requireProgress = async () => {
    const pods = await podsOf(kubectl, owners)
    for (const pod of pods) if (!isBeingDeleted(pod)) requireStartable(kubectl.namespace, pod)
    return done.signal.aborted
  }
  try {
    await Promise.race([
      work,
      until(requireProgress, { timeout: Infinity, interval: 2000, delay: 2000, signal: done.signal })
    ])
  } finally {
    done.abort()
  }
}

async function waitForStatus (kubectl: Kubectl, deployments: string[], kind: CommandKind): Promise<void> {
  await Promise.all(deployments.map(async deployment => {
    try {
      await kubectl.run(['rollout', 'status', `deployment/${deployment}`, '--timeout=120s'], undefined, kind)
    } catch (error) {
      if (!(error instanceof KubectlError) || !/timed out/.test(error.message)) throw error
      throw new Trouble(
        `Deployment ${deployment} in namespace ${kubectl.namespace} is not ready after two minutes.`,
        `To see what its pods wait for: kubectl -n ${kubectl.namespace} describe pods -l app=${deployment}`,
        { isLate: true })
    }
  }))
}

/** @throws {Trouble} when a container of the pod waits for one of these reasons */
function requireStartable (namespace: string, { metadata: { name: pod }, status }: Pod): void {
  for (const { name, image, state: { waiting } } of status.containerStatuses ?? []) {
    const { reason = '', message = '' } = waiting ?? {}
    if (IMAGE_REASONS.includes(reason)) {
      throw new Trouble(`The image ${image} of pod ${pod} cannot be pulled (${reason}).`,
        pullAdvice(image, { pod, namespace }))
    }
    if (CRASH_REASONS.includes(reason)) {
      throw new Trouble(`The container ${name} of pod ${pod} does not start (${reason}): ${message}`,
        `To see what it printed: kubectl -n ${namespace} logs ${pod} -c ${name} --previous`)
    }
  }
}

/**
 * Makes sure that all of these pods have a proxy, except those whose label says that they need none.
 *
 * @throws {Trouble} when a pod has none
 */
export function requireProxies ({ namespace }: Pick<Kubectl, 'namespace'>, pods: Pod[]): void {
  const without = pods.filter(pod => !hasProxy(pod) && !optsOut(pod))
  if (without.length === 0) return
  const names = without.map(({ metadata }) => metadata.name).join(', ')
  throw new Trouble(
    `Pods of namespace ${namespace} have no proxy, although new ones would get one: ${names}. ` +
    'They were created before the namespace was labeled for injection.',
    `Restart them: kubectl -n ${namespace} rollout restart deployment`)
}

const optsOut = ({ metadata: { labels = {} } }: KubeObject) =>
  (labels as Record<string, string>)['sidecar.istio.io/inject'] === 'false'

/** Whether a pod has a proxy of the mesh. */
export function hasProxy ({ spec }: Pick<Pod, 'spec'>): boolean {
  return [...spec.containers, ...spec.initContainers ?? []].some(({ name }) => name === 'istio-proxy')
}

/** Whether a Deployment has rolled out: all of its pods are of its current template, and available. */
export function isRolledOut (deployment: KubeObject): boolean {
  const { metadata: { generation }, spec: { replicas = 1 }, status = {} } = deployment as Deployment
  return status.observedGeneration === generation &&
    [status.replicas, status.updatedReplicas, status.availableReplicas].every((count = 0) => count === replicas)
}

/**
 * Whether as many of these pods are ready as a Deployment has replicas. Its status alone can be out of date: for
 * example, right after the deletion of a pod.
 */
export function hasReadyPods (deployment: KubeObject, pods: Pod[]): boolean {
  const { metadata: { name }, spec: { replicas = 1 } } = deployment as Deployment
  const own = ofOwners(pods, [name])
  return own.length >= replicas && own.every(isReady)
}

/** Whether a pod is ready, and is not being deleted. */
export const isReady = (pod: KubeObject) => !isBeingDeleted(pod) &&
  (pod as Pod).status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true

/** Whether an object is being deleted. */
export const isBeingDeleted = ({ metadata }: KubeObject) => metadata['deletionTimestamp'] !== undefined

async function podsOf (kubectl: Kubectl, owners: string[]): Promise<Pod[]> {
  return ofOwners(await kubectl.objects(['pods']) as Pod[], owners)
}

/** The pods that belong to Deployments with these names, or that have one of these names. */
export function ofOwners (pods: Pod[], owners: string[]): Pod[] {
  const belongs = (pod: string, owner: string) => new RegExp(`^${owner}(-[^-]+-[^-]+)?$`).test(pod)
  return pods.filter(({ metadata }) => owners.some(owner => belongs(metadata.name, owner)))
}

import { Trouble } from './errors.ts'
import { pullAdvice } from './images.ts'
import { KubectlError, type CommandKind, type Kubectl, type KubeObject } from './kubectl.ts'
import { until } from './until.ts'

/** The port of each service of the store in its pod. */
export { PORTS } from '../../../../scripts/project.ts'

interface ContainerStatus {
  name: string
  image: string
  state: { waiting?: { reason?: string, message?: string } }
}

interface Pod extends KubeObject {
  spec: { containers: { name: string }[], initContainers?: { name: string }[] }
  status: { containerStatuses?: ContainerStatus[] }
}

/** Why a container waits if it cannot start until its pod or its image changes. */
const IMAGE_REASONS = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']
const CRASH_REASONS = ['CrashLoopBackOff', 'CreateContainerConfigError', 'CreateContainerError']

/**
 * Waits until Deployments have rolled out and their previous pods are gone: those still answer for a while.
 *
 * @throws {Trouble} as soon as an image cannot be pulled or a container does not start, and after two minutes
 */
export async function waitForRollout (
  kubectl: Kubectl, deployments: string[], kind: CommandKind = 'upkeep'
): Promise<void> {
  await unlessStuck(kubectl, deployments, waitForStatus(kubectl, deployments, kind))
  await waitUntilGone(kubectl, deployments)
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

/** Waits up to a minute until the pods of Deployments that are being deleted are gone. */
export async function waitUntilGone (kubectl: Kubectl, deployments: string[]): Promise<void> {
  if (deployments.length === 0) return
  const areGone = async () => !(await podsOf(kubectl, deployments)).some(isBeingDeleted)
  await until(areGone, { timeout: 60_000, interval: 500, signal: kubectl.signal })
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
  for (const deployment of deployments) {
    try {
      await kubectl.run(['rollout', 'status', `deployment/${deployment}`, '--timeout=120s'], undefined, kind)
    } catch (error) {
      if (!(error instanceof KubectlError) || !/timed out/.test(error.message)) throw error
      throw new Trouble(
        `Deployment ${deployment} in namespace ${kubectl.namespace} is not ready after two minutes.`,
        `To see what its pods wait for: kubectl -n ${kubectl.namespace} describe pods -l app=${deployment}`,
        { isLate: true })
    }
  }
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
 * Makes sure that all pods of these Deployments have a proxy.
 *
 * @throws {Trouble} when a pod has none
 */
export async function requireProxies (kubectl: Kubectl, deployments: string[]): Promise<void> {
  const pods = (await podsOf(kubectl, deployments)).filter(pod => !isBeingDeleted(pod) && !hasProxy(pod))
  if (pods.length === 0) return
  const names = pods.map(({ metadata }) => metadata.name).join(', ')
  throw new Trouble(
    `Pods of namespace ${kubectl.namespace} have no proxy, although new ones would get one: ${names}. ` +
    'They are older than the injection, or opted out of it.',
    `Restart them: kubectl -n ${kubectl.namespace} rollout restart deployment`)
}

/** Whether a pod has a proxy of the mesh. */
export function hasProxy ({ spec }: Pick<Pod, 'spec'>): boolean {
  return [...spec.containers, ...spec.initContainers ?? []].some(({ name }) => name === 'istio-proxy')
}

/** The pods of these Deployments, or with these names. */
export async function podsOf (kubectl: Kubectl, owners: string[]): Promise<Pod[]> {
  const pods = await kubectl.objects(['pods']) as Pod[]
  const belongs = (pod: string, owner: string) => new RegExp(`^${owner}(-[^-]+-[^-]+)?$`).test(pod)
  return pods.filter(({ metadata }) => owners.some(owner => belongs(metadata.name, owner)))
}

const isBeingDeleted = ({ metadata }: KubeObject) => metadata['deletionTimestamp'] !== undefined

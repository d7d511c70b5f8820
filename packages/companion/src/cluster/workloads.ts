import { setTimeout as sleep } from 'node:timers/promises'
import { pullAdvice } from './images.ts'
import { KubectlError, type CommandKind, type Kubectl, type KubeObject } from './kubectl.ts'
import { Trouble } from './errors.ts'

/** Where each service of the store listens in its pod. */
export { PORTS } from '../../../../scripts/project.ts'

interface Pod extends KubeObject {
  spec: { containers: { name: string }[], initContainers?: { name: string }[] }
  status: { containerStatuses?: { name: string, image: string, state: { waiting?: { reason?: string, message?: string } } }[] }
}

/** For what reasons a container waits that will not start by itself. */
const IMAGE_REASONS = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']
const CRASH_REASONS = ['CrashLoopBackOff', 'CreateContainerConfigError', 'CreateContainerError']

/**
 * Waits until Deployments have rolled out, and the pods that they had before have gone: those still answer for a while.
 *
 * @throws {Trouble} as soon as an image cannot be pulled or a container does not start, and when two minutes were not enough
 */
export async function rolledOut (kubectl: Kubectl, deployments: string[], kind: CommandKind = 'upkeep'): Promise<void> {
  await unlessStuck(kubectl, deployments, statuses(kubectl, deployments, kind))
  await gone(kubectl, deployments)
}

/**
 * Waits until a pod is ready.
 *
 * @throws {Trouble} as soon as its image cannot be pulled or its container does not start
 */
export async function podReady (kubectl: Kubectl, name: string): Promise<void> {
  await unlessStuck(kubectl, [name], kubectl.run(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s']))
}

/** Waits until the pods of Deployments that are being deleted have gone, for a minute at most. */
export async function gone (kubectl: Kubectl, deployments: string[]): Promise<void> {
  if (deployments.length === 0) return
  const deadline = Date.now() + 60_000
  while ((await podsOf(kubectl, deployments)).some(isGoing) && Date.now() < deadline) await sleep(500)
}

async function unlessStuck (kubectl: Kubectl, owners: string[], work: Promise<unknown>): Promise<void> {
  const watching = new AbortController()
  try {
    await Promise.race([work, stuck(kubectl, owners, watching.signal)])
  } finally {
    watching.abort()
  }
}

async function statuses (kubectl: Kubectl, deployments: string[], kind: CommandKind): Promise<void> {
  for (const deployment of deployments) {
    try {
      await kubectl.run(['rollout', 'status', `deployment/${deployment}`, '--timeout=120s'], undefined, kind)
    } catch (error) {
      if (!(error instanceof KubectlError) || !/timed out/.test(error.message)) throw error
      throw new Trouble(`Deployment ${deployment} in namespace ${kubectl.namespace} is not ready after two minutes.`,
        `What its pods wait for: kubectl -n ${kubectl.namespace} describe pods -l app=${deployment}`)
    }
  }
}

async function stuck (kubectl: Kubectl, owners: string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(2000, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    for (const { metadata: { name }, status } of (await podsOf(kubectl, owners)).filter(pod => !isGoing(pod))) {
      for (const { name: container, image, state: { waiting } } of status.containerStatuses ?? []) {
        if (IMAGE_REASONS.includes(waiting?.reason ?? '')) {
          throw new Trouble(`The image ${image} of pod ${name} cannot be pulled (${waiting?.reason}).`,
            pullAdvice(image, { pod: name, namespace: kubectl.namespace }))
        }
        if (CRASH_REASONS.includes(waiting?.reason ?? '')) {
          throw new Trouble(`The container ${container} of pod ${name} does not start (${waiting?.reason}): ${waiting?.message ?? ''}`,
            `What it said: kubectl -n ${kubectl.namespace} logs ${name} -c ${container} --previous`)
        }
      }
    }
  }
}

/**
 * Makes sure that every pod of these Deployments has a proxy.
 *
 * @throws {Trouble} when one has none
 */
export async function proxied (kubectl: Kubectl, deployments: string[]): Promise<void> {
  const without = (await podsOf(kubectl, deployments)).filter(pod => !isGoing(pod) && !hasProxy(pod)).map(({ metadata }) => metadata.name)
  if (without.length === 0) return
  throw new Trouble(`Pods of namespace ${kubectl.namespace} have no proxy, although new ones would get one: ${without.join(', ')}. They are older than the injection, or opted out of it.`,
    `Make them anew: kubectl -n ${kubectl.namespace} rollout restart deployment`)
}

export function hasProxy ({ spec }: Pick<Pod, 'spec'>): boolean {
  return [...spec.containers, ...spec.initContainers ?? []].some(({ name }) => name === 'istio-proxy')
}

/** The pods of these Deployments, or of these names. */
export async function podsOf (kubectl: Kubectl, owners: string[]): Promise<Pod[]> {
  const pods = await kubectl.objects(['pods']) as Pod[]
  return pods.filter(({ metadata }) => owners.some(owner => new RegExp(`^${owner}(-[^-]+-[^-]+)?$`).test(metadata.name)))
}

const isGoing = ({ metadata }: KubeObject) => metadata['deletionTimestamp'] !== undefined

import type { Kubectl, KubeObject } from './kubectl.ts'
import type { ClockOffset } from './preflight.ts'

/** The parts of an istiod Pod that say since when it has been running. */
interface IstiodPod extends KubeObject {
  status?: {
    phase?: string
    conditions?: { type: string, status: string, lastTransitionTime: string }[]
    containerStatuses?: { state?: { running?: { startedAt: string } } }[]
  }
}

/** The timestamps of Kubernetes are accurate to the second. */
const SECOND_MS = 1000

/**
 * Why istiod may not have been working at some time since then; undefined if nothing says so. Without istiod, the
 * proxies keep their old configuration, and the API server accepts no new one. So checks say nothing about the lesson.
 *
 * @param since the time by this machine's clock, in milliseconds
 * @param clock how far the cluster's clock is ahead
 * @param wasSeen whether the cluster had an istiod before
 */
export async function istiodTrouble (
  kubectl: Kubectl, { since, clock, wasSeen }: { since: number, clock: ClockOffset, wasSeen: boolean }
): Promise<string | undefined> {
  const { code, stdout } = await kubectl.tryCluster(['get', 'pods', '-A', '-l', 'app=istiod', '-o', 'json'])
  if (code !== 0) return undefined // the user may not see it
  const pods = (JSON.parse(stdout) as { items: IstiodPod[] }).items
    .filter(({ status: { phase = '' } = {} }) => phase !== 'Failed' && phase !== 'Succeeded')
  if (pods.length === 0) return wasSeen ? 'istiod is gone' : undefined // it may run outside the cluster

  const isOld = (time: string) => Date.parse(time) + SECOND_MS <= since + clock.least
  const hasWorked = ({ status: { conditions = [], containerStatuses = [] } = {} }: IstiodPod) => {
    const ready = conditions.find(({ type }) => type === 'Ready')
    const starts = containerStatuses.flatMap(({ state }) => state?.running?.startedAt ?? [])
    return ready?.status === 'True' && [ready.lastTransitionTime, ...starts].every(isOld)
  }
  if (pods.some(hasWorked)) return undefined
  return `istiod restarted during the exercise (pod ${pods.map(({ metadata: { name } }) => name).join(', ')})`
}

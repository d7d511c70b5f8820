import type { Kubectl, KubeObject } from './kubectl.ts'
import type { ClockOffset } from './preflight.ts'

/** The parts of an istiod Pod that say since when it has been running. */
interface IstiodPod extends KubeObject {
  status?: {
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
 */
export async function istiodTrouble (
  kubectl: Kubectl, since: number, clock: ClockOffset
): Promise<string | undefined> {
  const { code, stdout } = await kubectl.tryCluster(['get', 'pods', '-A', '-l', 'app=istiod', '-o', 'json'])
  if (code !== 0) return undefined // the user may not see it, or it runs outside the cluster
  const pods = (JSON.parse(stdout) as { items: IstiodPod[] }).items
  const isRecent = (time: string) => Date.parse(time) + SECOND_MS > since + clock.least
  for (const { metadata: { name }, status: { conditions = [], containerStatuses = [] } = {} } of pods) {
    const ready = conditions.find(({ type }) => type === 'Ready')
    if (ready?.status === 'False') return `istiod is not ready (pod ${name})`
    const starts = containerStatuses.flatMap(({ state }) => state?.running?.startedAt ?? [])
    const times = [ready?.lastTransitionTime ?? '', ...starts]
    if (times.some(isRecent)) return `istiod restarted during the exercise (pod ${name})`
  }
  return undefined
}

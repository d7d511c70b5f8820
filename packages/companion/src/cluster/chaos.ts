import type { CommandResult } from './command.ts'
import type { CommandKind, Kubectl, KubeObject } from './kubectl.ts'
import { PORTS } from './workloads.ts'

/** The rules that a pod has, each as /blowup takes it. */
export interface PodFaults {
  app: string
  version: string | undefined
  pod: string
  rules: object[]
}

/**
 * Runs scripts/chaos.sh in the pods of kubectl's namespace.
 *
 * @throws {Error} when it fails
 */
export async function chaos (kubectl: Kubectl, args: string[], kind: CommandKind): Promise<CommandResult> {
  const result = await kubectl.shell('scripts/chaos.sh', [...args, '-n', kubectl.namespace, '--verbose'], kind)
  if (result.code !== 0) throw new Error(`chaos.sh ${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
  return result
}

/** The rules that are in force in the running pods of the store, with what is left of their counts and times. */
export async function activeFaults (kubectl: Kubectl): Promise<PodFaults[]> {
  const pods = await kubectl.running(`app in (${Object.keys(PORTS).join(',')})`)
  const found = await Promise.all(pods.map(pod => faultsOf(kubectl, pod)))
  return found.filter(({ rules }) => rules.length > 0)
}

async function faultsOf (kubectl: Kubectl, { metadata: { name: pod, labels } }: KubeObject): Promise<PodFaults> {
  const { app, version } = labels as { app: string, version?: string }
  const { code, stdout } = await kubectl.try(['exec', pod, '-c', app, '--', 'curl', '-sf', `localhost:${PORTS[app]}/blowup`])
  return { app, version, pod, rules: code === 0 ? rulesIn(stdout) : [] }
}

function rulesIn (answer: string): object[] {
  if (!answer.startsWith('{')) return [] // another image has no faults of this kind
  const rules = JSON.parse(answer) as Record<string, { state?: { ended?: string, left: { hits?: number, ms?: number } } }>
  return Object.entries(rules).flatMap(([name, { state, ...rule }]) => {
    if (state === undefined || state.ended !== undefined) return []
    const { hits, ms } = state.left
    return [{ name, ...rule, ...(hits !== undefined && { count: hits }), ...(ms !== undefined && { durationMs: ms }) }]
  })
}

/** Deletes all rules in the pods that have any. */
export async function clearFaults (kubectl: Kubectl): Promise<void> {
  for (const { app, pod } of await activeFaults(kubectl)) {
    await chaos(kubectl, ['delete', '--app', app, '--pod', pod], 'upkeep').catch(async (error: unknown) => {
      if ((await kubectl.pods(`app=${app}`)).includes(pod)) throw error // otherwise it has gone, and its faults with it
    })
  }
}

/**
 * Sets rules again: in the same pods, and for those that have been replaced in the pods of the same version that have taken their place.
 *
 * @returns what could not be set, and why
 */
export async function setAgain (kubectl: Kubectl, faults: PodFaults[]): Promise<string[]> {
  const failures: string[] = []
  const pods = await kubectl.running(`app in (${Object.keys(PORTS).join(',')})`)
  const isThere = ({ pod }: PodFaults) => pods.some(({ metadata }) => metadata.name === pod)
  const replaced = faults.filter(entry => !isThere(entry))
  for (const { app, version } of replaced) {
    const isHeir = ({ metadata: { labels } }: KubeObject) => (labels as Record<string, string>)['app'] === app && (labels as Record<string, string>)['version'] === version
    if (!pods.some(isHeir)) failures.push(`The faults of ${app} ${version ?? ''} could not be set again: it has no running pod.`)
  }
  for (const { metadata: { name, labels } } of pods) {
    const { app, version } = labels as { app: string, version?: string }
    const entry = faults.find(({ pod }) => pod === name) ?? replaced.find(entry => entry.app === app && entry.version === version)
    for (const rule of entry?.rules ?? []) {
      await chaos(kubectl, ['rule', JSON.stringify(rule), '--app', app, '--pod', name], 'upkeep').catch((error: unknown) => { failures.push((error as Error).message) })
    }
  }
  return failures
}

import { saysLate } from './errors.ts'
import type { CommandResult } from './command.ts'
import type { CommandKind, Kubectl, KubeObject } from './kubectl.ts'
import { PORTS } from './workloads.ts'

/** The faults of a pod: its rules, each in the form that `POST /blowup` accepts. */
export interface PodFaults {
  app: string
  version: string | undefined
  pod: string
  rules: object[]
}

/** A rule as `GET /blowup` shows it. `left` says for how many hits or milliseconds the rule is still in force. */
interface ShownRule {
  state?: { ended?: string, left: { hits?: number, ms?: number } }
}

/** Selects the pods of all services of the store. */
const STORE = `app in (${Object.keys(PORTS).join(',')})`

/**
 * Runs scripts/chaos.sh for the pods of kubectl's namespace.
 *
 * @throws {Error} when the script fails
 */
export async function runChaosScript (kubectl: Kubectl, args: string[], kind: CommandKind): Promise<CommandResult> {
  const result = await kubectl.shell('scripts/chaos.sh', [...args, '-n', kubectl.namespace, '--verbose'], kind)
  if (result.code !== 0) {
    throw new Error(`scripts/chaos.sh ${args.join(' ')} failed with exit code ${result.code}: ${result.stderr}`)
  }
  return result
}

/** The faults in force in the running pods of the store, with their remaining counts and durations. */
export async function activeFaults (kubectl: Kubectl): Promise<PodFaults[]> {
  const pods = await kubectl.runningPods(STORE)
  const found = await Promise.all(pods.map(pod => faultsOf(kubectl, pod)))
  return found.filter(({ rules }) => rules.length > 0)
}

async function faultsOf (kubectl: Kubectl, pod: KubeObject): Promise<PodFaults> {
  const { code, stdout } = await callBlowup(kubectl, pod)
  return { ...labelsOf(pod), pod: pod.metadata.name, rules: code === 0 ? activeRules(stdout) : [] }
}

function callBlowup (kubectl: Kubectl, pod: KubeObject, ...options: string[]): Promise<CommandResult> {
  const { app } = labelsOf(pod)
  const curl = ['curl', '-sf', ...options, `localhost:${PORTS[app]}/blowup`]
  return kubectl.try(['exec', pod.metadata.name, '-c', app, '--', ...curl])
}

function activeRules (answer: string): object[] {
  if (!answer.startsWith('{')) return [] // not JSON: the pod runs another image, which has no faults
  const rules = JSON.parse(answer) as Record<string, ShownRule>
  return Object.entries(rules).flatMap(([name, { state, ...rule }]) => {
    if (state === undefined || state.ended !== undefined) return []
    const { hits, ms } = state.left
    return [{ name, ...rule, ...hits !== undefined && { count: hits }, ...ms !== undefined && { durationMs: ms } }]
  })
}

function labelsOf ({ metadata: { labels = {} } }: KubeObject): { app: string, version: string | undefined } {
  const { app = '', version } = labels as Record<string, string>
  return { app, version }
}

/**
 * Deletes all faults of the store's running pods, in all of them at once.
 *
 * @param pods the running pods of the namespace, if they are known
 * @throws {Error} when the faults of a pod cannot be deleted although the pod still runs
 */
export async function clearFaults (kubectl: Kubectl, pods?: KubeObject[]): Promise<void> {
  const ofStore = pods?.filter(pod => labelsOf(pod).app in PORTS) ?? await kubectl.runningPods(STORE)
  await Promise.all(ofStore.map(async pod => {
    const { code, stderr } = await callBlowup(kubectl, pod, '-X', 'DELETE')
    if (code === 0) return
    const mayHaveFaults = saysLate(stderr) || (await faultsOf(kubectl, pod)).rules.length > 0
    if (!mayHaveFaults) return // the pod is of another image, or gone
    throw new Error(`The faults of pod ${pod.metadata.name} cannot be deleted: ${stderr.trim()}`)
  }))
}

/**
 * Sets recorded faults again. If a pod no longer runs, its faults are set in the pods of the same app and version.
 *
 * @returns one message for each fault that could not be set
 */
export async function restoreFaults (kubectl: Kubectl, faults: PodFaults[]): Promise<string[]> {
  const failures: string[] = []
  const pods = await kubectl.runningPods(STORE)
  const replaced = faults.filter(({ pod }) => !pods.some(({ metadata }) => metadata.name === pod))
  const hasLabels = (pod: KubeObject, { app, version }: PodFaults) =>
    labelsOf(pod).app === app && labelsOf(pod).version === version
  for (const former of replaced) {
    if (pods.some(pod => hasLabels(pod, former))) continue
    const { app, version = '' } = former
    failures.push(`The faults of ${app} ${version} could not be set again, because none of its pods runs.`)
  }
  for (const pod of pods) {
    const { name } = pod.metadata
    const former = faults.find(({ pod }) => pod === name) ?? replaced.find(former => hasLabels(pod, former))
    for (const rule of former?.rules ?? []) {
      const args = ['rule', JSON.stringify(rule), '--app', labelsOf(pod).app, '--pod', name]
      await runChaosScript(kubectl, args, 'upkeep').catch((error: Error) => { failures.push(error.message) })
    }
  }
  return failures
}

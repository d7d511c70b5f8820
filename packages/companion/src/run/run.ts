import { endsRun, messageOf } from '../cluster/errors.ts'
import { findGateway, type IngressGateway } from '../cluster/gateway.ts'
import { Kubectl, type Execute } from '../cluster/kubectl.ts'
import { isMadeAndEmpty } from '../cluster/namespace.ts'
import {
  claimingGateways, clockOffset, ensureNamespace, requireFreeHost, requireGatewayApi, requireInjection, requireIstio
} from '../cluster/preflight.ts'
import { requireSupportedIstio } from '../cluster/versions.ts'
import { usesGateway, type Exercise } from '../course/exercise.ts'
import type { Api } from '../course/twins.ts'
import { Environment } from './environment.ts'
import { runExercise, type Machine } from './exercise.ts'
import type { Reporter, Restored, Result, Summary } from './reporter.ts'
import { restore } from './restore.ts'
import { Snapshot } from './snapshot.ts'

/** What to run, and where. */
export interface RunOptions {
  exercises: Exercise[]
  namespace: string
  /** replaces the host `*` at the ingress gateway, and the domain of the other hosts */
  host?: string | undefined
  /** NAMESPACE/NAME of the ingress gateway's Service, if the mesh has several gateways */
  gateway?: string | undefined
  /** leave everything as the last exercise has left it */
  keep?: boolean
  /** the API whose objects route the requests; Istio's by default */
  api?: Api
  report: Reporter
  /** ends the run; what was there before is restored all the same */
  signal?: AbortSignal
  /** the probability of a false alarm that one check may have */
  falseAlarm: number
  /** how long to wait until a change is seen, in milliseconds */
  patience?: number
  /** runs the commands; by default, as processes of this machine */
  execute?: Execute
}

/**
 * Runs exercises one after the other in one namespace of the current context, and then restores what was there before.
 * An exercise that fails does not prevent the next one. Trouble that all exercises would meet ends the run.
 */
export async function runExercises (options: RunOptions): Promise<Summary> {
  const { exercises, namespace, host, keep = false, api = 'istio', report, execute } = options
  const { signal = new AbortController().signal, falseAlarm, patience = 30_000 } = options
  const kubectl = new Kubectl(namespace, { announce: report.command, signal, ...(execute && { execute }) })
  const results: Result[] = []
  let snapshot: Snapshot | undefined
  let environment: Environment | undefined
  let status: Machine['status'] | undefined
  let error: string | undefined
  try {
    const context = await requireIstio(kubectl)
    report.note(`Namespace ${namespace} of the context ${context}`)
    const [istio, ingress] = await Promise.all([
      requireSupportedIstio(kubectl, report.note),
      findIngress(kubectl, options)
    ])
    if (await ensureNamespace(kubectl)) snapshot = await Snapshot.begin(kubectl, { namespaceIsOurs: true })
    await Promise.all([
      requireInjection(kubectl),
      api === 'gateway' ? requireGatewayApi(kubectl) : ingress && requireIngress(kubectl, ingress, options)
    ])
    snapshot ??= await takeOver(kubectl, report) ?? await Snapshot.begin(kubectl, { namespaceIsOurs: false })

    const ends = AbortSignal.any([signal, snapshot.lost])
    const bound = kubectl.with({ signal: ends })
    const clock = await clockOffset(bound)
    environment = new Environment({ kubectl: bound, snapshot, report, host, api, ingress, istio, patience, clock })
    status = environment.gateway.statusProbe()
    const machine: Machine = { status, calibration: undefined }
    for (const exercise of exercises) {
      results.push(await runExercise(exercise, environment, machine, { falseAlarm, patience, signal: ends }))
    }
  } catch (caught) {
    const lost = snapshot?.lost
    error = signal.aborted ? 'The run was interrupted.' : messageOf(lost?.aborted === true ? lost.reason : caught)
  }
  const isKept = keep && error === undefined
  const probe = await status
  probe?.close()
  await environment?.close({ keepFolder: isKept })
  if (isKept) await snapshot?.keep()
  if (isKept && environment?.folder !== undefined) {
    report.note(`The keys and tokens are in ${environment.folder}, until --reset.`)
  }
  const restored = isKept ? NOTHING_RESTORED : await restoreUnlessLost(snapshot, report)
  return { ...countsOf(results, exercises), results, ...restored, ...(error !== undefined && { error }) }
}

function countsOf (results: Result[], exercises: Exercise[]) {
  const count = (wanted: Result['verdict']) => results.filter(({ verdict }) => verdict === wanted).length
  const [passed, notJudged] = [count('pass'), count('unjudged')]
  const failed = results.length - passed - notJudged
  return { passed, failed, notJudged, notRun: exercises.length - results.length }
}

/**
 * Finds the mesh's ingress gateway, if an exercise uses it.
 *
 * @throws {Trouble} when there is none, except with the Gateway API, where each Gateway has a proxy of its own
 */
async function findIngress (
  kubectl: Kubectl, { exercises, gateway, api = 'istio', report }: RunOptions
): Promise<IngressGateway | undefined> {
  if (!exercises.some(usesGateway)) return undefined
  try {
    const ingress = await findGateway(kubectl, gateway)
    if (api === 'istio') {
      report.note(`Ingress gateway: Service ${ingress.service} in namespace ${ingress.namespace}, ` +
        `which Gateways select by ${ingress.selector}`)
    }
    return ingress
  } catch (error) {
    if (api === 'istio' || !endsRun(error)) throw error
    return undefined
  }
}

/**
 * Makes sure that no other namespace claims the host at the ingress gateway. With a host of its own, the run also warns
 * of stores that answer requests for unknown hosts.
 *
 * @throws {Trouble} when another namespace claims the host
 */
async function requireIngress (kubectl: Kubectl, ingress: IngressGateway, { host, report }: RunOptions): Promise<void> {
  await requireFreeHost(kubectl, ingress, { host })
  if (host === undefined) return
  for (const { name, namespace } of await claimingGateways(kubectl, ingress)) {
    report.note(`Gateway ${name} in namespace ${namespace} claims the host *, so its store answers requests for ` +
      'unknown hosts. ch4.gateway-host and ch5.edge expect a 404 for them, and will fail.')
  }
}

const NOTHING_RESTORED: Restored = { unrestored: [], kept: [] }

async function takeOver (kubectl: Kubectl, report: Reporter): Promise<Snapshot | undefined> {
  const snapshot = await Snapshot.takeOver(kubectl, report)
  if (snapshot !== undefined) {
    report.note('An earlier run was kept or killed. What was there before it is restored at the end of this run.')
  }
  return snapshot
}

async function restoreUnlessLost (snapshot: Snapshot | undefined, report: Reporter): Promise<Restored> {
  if (snapshot === undefined || snapshot.lost.aborted) return NOTHING_RESTORED // another run restores everything
  report.note('Restoring what was there before.')
  return await restore(snapshot)
}

/** The exit code for the results: 1 if something failed, 4 if nothing failed but something was not judged. */
export const exitCodeOf = ({ failed, notJudged }: Pick<Summary, 'failed' | 'notJudged'>): 0 | 1 | 4 =>
  failed > 0 ? 1 : notJudged > 0 ? 4 : 0

/**
 * Restores what was there before a run with `keep`, or before one that was killed.
 *
 * @returns also whether there was anything to restore
 * @throws {Trouble} when the cluster cannot be used, or that run is still at work
 */
export async function reset (
  { namespace, report, execute }: Pick<RunOptions, 'namespace' | 'report' | 'execute'>
): Promise<{ found: boolean } & Restored> {
  const kubectl = new Kubectl(namespace, { announce: report.command, ...(execute && { execute }) })
  await requireIstio(kubectl)
  const left = await Snapshot.takeOver(kubectl, report)
  const snapshot = left ?? (await isMadeAndEmpty(kubectl)
    ? await Snapshot.begin(kubectl, { namespaceIsOurs: true })
    : undefined)
  return { found: snapshot !== undefined, ...await restoreUnlessLost(snapshot, report) }
}

import { calibrate, RATE, type Calibration } from '../judge/calibration.ts'
import { usesGateway, type Exercise, type Step } from '../course/exercise.ts'
import { findGateway } from '../cluster/gateway.ts'
import type { Check } from '../judge/statistics.ts'
import { Kubectl } from '../cluster/kubectl.ts'
import { Ledger, type Restored } from './ledger.ts'
import { load } from '../judge/load.ts'
import { isMadeAndEmpty } from '../cluster/namespace.ts'
import { delayMonitor, type DelayMonitor } from '../judge/noise.ts'
import { claims, clockAhead, gatewayApiIsThere, hostIsFree, injected, mesh, namespaceMade } from '../cluster/preflight.ts'
import type { Reporter, Result, Unjudged } from './reporter.ts'
import { Disturbed } from '../judge/soundness.ts'
import { Stage } from './stage.ts'
import { carryOut, Lacking, type Play } from './steps.ts'
import { Trouble } from '../cluster/errors.ts'
import type { Api } from '../course/twins.ts'
import { requireSupportedIstio } from '../cluster/versions.ts'

export type { Restored }

export interface RunOptions {
  exercises: Exercise[]
  namespace: string
  /** takes the place of the host `*` at the ingress gateway */
  host?: string | undefined
  /** NAMESPACE/NAME of the ingress gateway's Service, where the mesh has several */
  gateway?: string | undefined
  /** leave everything as the last exercise has left it */
  keep?: boolean
  /** by whose objects is routed; Istio's by default */
  api?: Api
  report: Reporter
  /** ends the run; what was there before is brought back all the same */
  signal?: AbortSignal
  /** the probability of a false alarm that one check may have */
  falseAlarm: number
  /** milliseconds that are waited for a change to be seen */
  patience?: number
}

export interface Summary extends Restored {
  passed: number
  failed: number
  /** how many exercises were not fully judged because the machine was too busy; nothing in them failed */
  notJudged: number
  /** how many exercises did not finish because the run ended early */
  notRun: number
  results: Result[]
  /** why the run ended early */
  error?: string
}

/**
 * Runs exercises one after the other in one namespace of the current context, and then brings back what was there before them.
 * An exercise that fails does not keep the next from running; trouble that all of them would meet ends the run.
 */
export async function run (options: RunOptions): Promise<Summary> {
  const { exercises, namespace, host, gateway, keep = false, api = 'istio', report, signal = new AbortController().signal, falseAlarm, patience = 30_000 } = options
  let kubectl = new Kubectl(namespace, { announce: report.command, signal })
  const results: Result[] = []
  let ledger: Ledger | undefined
  let stage: Stage | undefined
  let status: Machine['status'] | undefined
  let error: string | undefined
  try {
    const context = await mesh(kubectl)
    report.note(`Namespace ${namespace} of the context ${context}`)
    const istio = await requireSupportedIstio(kubectl, report.note)
    const goesThrough = exercises.some(usesGateway) && findGateway(kubectl, gateway).catch((error: unknown) => {
      if (api === 'istio' || !(error instanceof Trouble)) throw error // with the Gateway API each Gateway has a proxy of its own
    })
    const ingress = await goesThrough || undefined
    if (ingress !== undefined && api === 'istio') report.note(`Ingress gateway: Service ${ingress.service} in namespace ${ingress.namespace}, which Gateways select by ${ingress.selector}`)
    if (await namespaceMade(kubectl)) ledger = await Ledger.begin(kubectl, { namespaceIsOurs: true })
    await injected(kubectl)
    if (api === 'gateway') await gatewayApiIsThere(kubectl)
    else if (ingress !== undefined) await hostIsFree(kubectl, ingress, host)
    for (const { name, namespace } of host === undefined || ingress === undefined || api === 'gateway' ? [] : await claims(kubectl, ingress)) report.note(`Gateway ${name} in namespace ${namespace} claims the host *, so its store answers requests for unknown hosts, for which ch4.gateway-host and ch5.edge expect a 404.`)
    ledger ??= await taken(kubectl, report) ?? await Ledger.begin(kubectl, { namespaceIsOurs: false })
    const ends = AbortSignal.any([signal, ledger.lost])
    kubectl = new Kubectl(namespace, { announce: report.command, signal: ends })
    stage = new Stage({ kubectl, ledger, report, host, api, ingress, istio, patience, clock: await clockAhead(kubectl) })
    status = stage.statusProbe()
    const machine: Machine = { status, calibration: undefined }
    for (const exercise of exercises) results.push(await play(exercise, stage, machine, { report, signal: ends, falseAlarm, patience }))
  } catch (caught) {
    error = signal.aborted ? 'The run was interrupted.' : messageOf(ledger?.lost.aborted === true ? ledger.lost.reason : caught)
  }
  const isKept = keep && error === undefined
  const probe = await status
  probe?.close()
  await stage?.close(isKept)
  if (isKept) await ledger?.keep()
  if (isKept && stage?.folder !== undefined) report.note(`The keys and tokens are in ${stage.folder}, until --reset.`)
  const { unrestored, kept } = isKept ? NOTHING : await restore(ledger, report)
  const [passed, notJudged] = (['pass', 'unjudged'] as const).map(wanted => results.filter(({ verdict }) => verdict === wanted).length) as [number, number]
  return { passed, failed: results.length - passed - notJudged, notJudged, notRun: exercises.length - results.length, results, unrestored, kept, ...(error !== undefined && { error }) }
}

const NOTHING: Restored = { unrestored: [], kept: [] }

async function taken (kubectl: Kubectl, report: Reporter): Promise<Ledger | undefined> {
  const ledger = await Ledger.takeOver(kubectl, report)
  if (ledger !== undefined) report.note('A run before this one was kept or killed: what was there before that one is brought back at the end of this one.')
  return ledger
}

async function restore (ledger: Ledger | undefined, report: Reporter): Promise<Restored> {
  if (ledger === undefined || ledger.lost.aborted) return NOTHING // whoever has taken the ledger over brings everything back
  report.note('Bringing back what was there before.')
  return await ledger.restore()
}

/**
 * What the run knows about the machine: how to see whether it is busy, and what the cluster sustained before the first
 * load.
 */
interface Machine {
  status: ReturnType<Stage['statusProbe']>
  calibration: Calibration | undefined
}

/**
 * Measures what the cluster sustains, as soon as the gateway leads to a store without faults. This is done once in a
 * run, and again while the rate is low, because the cause may have been brief.
 */
async function calibrated (exercise: Exercise, stage: Stage, calibration: Calibration | undefined, watch: DelayMonitor, report: Reporter): Promise<Calibration | undefined> {
  if (calibration?.rate === RATE || !exercise.needs.includes('gateway')) return calibration
  const address = await stage.address({ path: '/api/catalog' })
  const found = await calibrate(options => load({ ...address, ...options, signal: stage.kubectl.signal }), watch)
  report.note(`The cluster sustains ${found.rate}${found.rate === RATE ? ' or more' : ''} requests a second; the machine is late by up to ${Math.round(found.noise)} ms, and a call takes ${Math.round(found.latency)} ms.`)
  return found
}

/** @throws what ends the whole run: trouble, or its interruption */
async function play (exercise: Exercise, stage: Stage, machine: Machine, { report, signal, falseAlarm, patience }: Pick<RunOptions, 'report' | 'falseAlarm'> & { signal: AbortSignal, patience: number }): Promise<Result> {
  const start = performance.now()
  const play: Play = { stage, exercise, falseAlarm, patience, watch: delayMonitor(undefined), load, rate: RATE, measured: undefined, calls: [], since: 0, metrics: {}, output: '', checks: [] }
  report.begin(exercise)
  let result: Result
  try {
    await stage.set(exercise)
    play.watch = delayMonitor((await machine.status)?.probe)
    machine.calibration = await calibrated(exercise, stage, machine.calibration, play.watch, report)
    play.rate = machine.calibration?.rate ?? RATE
    const unjudged = await perform(exercise.steps, play, report)
    result = { id: exercise.id, verdict: verdictOf(play.checks, unjudged), checks: play.checks, ...(unjudged.length > 0 && { unjudged }) }
  } catch (caught) {
    if (caught instanceof Trouble || signal.aborted) throw caught
    result = { id: exercise.id, verdict: 'error', checks: play.checks, error: messageOf(caught) }
  }
  report.end(result, performance.now() - start)
  return result
}

/**
 * A failed check fails the exercise, even if others were not judged. What the mesh lacks does not count against the
 * exercise.
 */
export function verdictOf (checks: Pick<Check, 'ok'>[], unjudged: Unjudged[]): Result['verdict'] {
  if (!checks.every(({ ok }) => ok)) return 'fail'
  return unjudged.some(({ disturbed }) => disturbed !== undefined) ? 'unjudged' : 'pass'
}

/** The exit code for the results: 1 if something failed, 4 if nothing failed but something was not judged. */
export const exitCodeOf = ({ failed, notJudged }: Pick<Summary, 'failed' | 'notJudged'>): 0 | 1 | 4 => failed > 0 ? 1 : notJudged > 0 ? 4 : 0

/** @returns the checks that were not judged: this mesh cannot show them, or the machine was too busy */
export async function perform (steps: Step[], play: Play, report: Reporter): Promise<Unjudged[]> {
  for (const [index, step] of steps.entries()) {
    await report.step(step, 'says' in step ? step.says : step.name)
    try {
      await carryOut(step, play)
    } catch (error) {
      if (!(error instanceof Lacking || error instanceof Disturbed)) throw error
      const why = error instanceof Lacking ? { lacks: error.message } : { disturbed: error.message, measured: error.measured }
      const unjudged = steps.slice(index).flatMap(step => 'expected' in step ? [{ id: step.id, name: step.name, ...why }] : [])
      for (const check of unjudged) report.unjudged(check)
      return unjudged
    }
  }
  return []
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Brings back what a run with `keep`, or one that was killed, has left.
 *
 * @returns whether there was anything to bring back, what could not be, and what stays in a namespace that was made
 */
export async function reset ({ namespace, report }: Pick<RunOptions, 'namespace' | 'report'>): Promise<{ found: boolean } & Restored> {
  const kubectl = new Kubectl(namespace, { announce: report.command })
  await mesh(kubectl)
  const ledger = await Ledger.takeOver(kubectl, report) ?? (await isMadeAndEmpty(kubectl) ? await Ledger.begin(kubectl, { namespaceIsOurs: true }) : undefined)
  return { found: ledger !== undefined, ...await restore(ledger, report) }
}

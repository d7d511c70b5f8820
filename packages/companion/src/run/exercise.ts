import { istiodTrouble } from '../cluster/control-plane.ts'
import { endsRun, messageOf, Trouble } from '../cluster/errors.ts'
import type { Exercise, Step } from '../course/exercise.ts'
import { calibrate, type Calibration } from '../judge/calibration.ts'
import { DEFAULT_RATE, sendLoad } from '../judge/load.ts'
import { delayMonitor, type DelayMonitor } from '../judge/noise.ts'
import { Disturbed } from '../judge/soundness.ts'
import type { Check } from '../judge/statistics.ts'
import type { Environment } from './environment.ts'
import { MissingFeature, newRun, type ExerciseRun } from './exercise-run.ts'
import type { StatusProbe } from './gateway-access.ts'
import type { Result, Unjudged } from './reporter.ts'
import { perform } from './steps/index.ts'
import { unlessLate } from './steps/noise.ts'

/** What a run knows about the machine. */
export interface Machine {
  /** shows whether the cluster is busy; undefined if it cannot be asked */
  status: Promise<StatusProbe | undefined>
  /** what the cluster sustained before the first load; undefined until then */
  calibration: Calibration | undefined
}

/** How exercises run. */
export interface ExerciseOptions {
  /** the probability of a false alarm that one check may have */
  falseAlarm: number
  /** how long to wait until a change is seen, in milliseconds */
  patience: number
  /** ends the run */
  signal: AbortSignal
}

/**
 * Runs one exercise, and reports it.
 *
 * @throws what ends the whole run: trouble that all exercises would meet, or an interruption
 */
export async function runExercise (
  exercise: Exercise, environment: Environment, machine: Machine, { falseAlarm, patience, signal }: ExerciseOptions
): Promise<Result> {
  const { id } = exercise
  const { report } = environment
  const start = performance.now()
  const startedAt = Date.now()
  const run = newRun({ environment, exercise, falseAlarm, patience })
  report.begin(exercise)
  run.monitor = delayMonitor((await machine.status)?.probe)
  const prepare = async () => {
    await environment.prepare(exercise)
    machine.calibration = await calibrateFor(exercise, environment, machine.calibration, run.monitor)
    run.rate = machine.calibration?.rate ?? DEFAULT_RATE
  }
  let result: Result
  let mayNeedIstiod = true
  try {
    const unjudged = await performAll(exercise.steps, run, prepare)
    const isSlower = run.rate < (machine.calibration?.rate ?? DEFAULT_RATE)
    if (isSlower || unjudged.some(({ disturbed }) => disturbed !== undefined)) machine.calibration = undefined
    const verdict = verdictOf(run.checks, unjudged)
    result = { id, verdict, checks: run.checks, ...(unjudged.length > 0 && { unjudged }) }
  } catch (error) {
    if (endsRun(error) || signal.aborted) throw error
    result = { id, verdict: 'error', checks: run.checks, error: messageOf(error) }
    mayNeedIstiod = !(error instanceof Trouble) || error.isLate
  }
  if (mayNeedIstiod && (result.verdict === 'fail' || result.verdict === 'error')) {
    const { clock, hasIstiod: wasSeen } = environment
    const trouble = await istiodTrouble(environment.kubectl, { since: startedAt, clock, wasSeen })
    if (trouble !== undefined) result = withoutIstiod(result, exercise, trouble)
  }
  report.end(result, performance.now() - start)
  return result
}

/** The result of an exercise during which istiod did not do its work: what did not pass is not judged. */
function withoutIstiod (result: Result, { steps }: Exercise, trouble: string): Result {
  const checks = result.checks.filter(({ ok }) => ok)
  const because = result.error === undefined ? 'the proxies may have missed a change' : result.error.split('\n')[0]
  const disturbed = `${trouble}: ${because}. Run the exercise again.`
  const unjudged = steps.filter(step => 'expected' in step)
    .filter(step => !checks.some(({ id }) => id === step.id))
    .map(({ id, name }) => ({ id, name, disturbed }))
  return { id: result.id, verdict: 'unjudged', checks, unjudged }
}

/**
 * Measures what the cluster sustains, as soon as the gateway leads to a store without faults. This is done once in a
 * run, and again while the rate is low, because the cause may have been brief.
 */
async function calibrateFor (
  exercise: Exercise, environment: Environment, before: Calibration | undefined, monitor: DelayMonitor
): Promise<Calibration | undefined> {
  if ((before?.rate ?? 0) >= DEFAULT_RATE || !exercise.needs.includes('gateway')) return before
  const { gateway, kubectl: { signal }, report } = environment
  const address = await gateway.address({ path: '/api/catalog' })
  const found = await calibrate(options => sendLoad({ ...address, ...options, signal }), monitor)
  report.note(`The cluster sustains ${found.sustained} requests a second, so loads send ${found.rate}. ` +
    `The machine is late by up to ${Math.round(found.noise)} ms, and a call takes ${Math.round(found.latency)} ms.`)
  return found
}

/**
 * Carries steps out, one after the other.
 *
 * @param prepare runs before the first step
 * @returns the checks that were not judged: the mesh lacks something for them, or the machine was too busy
 */
export async function performAll (
  steps: Step[], run: ExerciseRun, prepare = async () => {}
): Promise<Unjudged[]> {
  const { report } = run.environment
  let done = 0
  try {
    await unlessLate(run.monitor, prepare)
    for (const step of steps) {
      await report.step(step, 'says' in step ? step.says : step.name)
      await unlessLate(run.monitor, async () => { await perform(step, run) })
      done++
    }
    return []
  } catch (error) {
    const reason = reasonNotJudged(error)
    const checks = steps.slice(done).filter(step => 'expected' in step)
    const unjudged = checks.map(({ id, name }) => ({ id, name, ...reason }))
    for (const check of unjudged) report.unjudged(check)
    return unjudged
  }
}

/** @throws any error that fails the exercise: all except a missing feature and a busy machine */
function reasonNotJudged (error: unknown): Omit<Unjudged, 'id' | 'name'> {
  if (error instanceof MissingFeature) return { lacks: error.message }
  if (error instanceof Disturbed) return { disturbed: error.message, measured: error.measured }
  throw error
}

/**
 * A failed check fails the exercise, even if others were not judged. What the mesh lacks does not count against the
 * exercise.
 */
export function verdictOf (checks: Pick<Check, 'ok'>[], unjudged: Unjudged[]): Result['verdict'] {
  if (!checks.every(({ ok }) => ok)) return 'fail'
  return unjudged.some(({ disturbed }) => disturbed !== undefined) ? 'unjudged' : 'pass'
}

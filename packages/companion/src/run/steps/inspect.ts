import { until } from '../../cluster/until.ts'
import type { Inspect } from '../../course/exercise.ts'
import { judge, type Check } from '../../judge/statistics.ts'
import { addCheck, MissingFeature, observedBy, type ExerciseRun } from '../exercise-run.ts'
import { measureNoise, requireQuietShare, requireQuietWait } from './noise.ts'
import { lineByHand } from './words.ts'

/** The first and the longest pause before a command runs again, in milliseconds, if a check expects an exact share. */
const EXACT_FIRST = 100
const EXACT_INTERVAL = 500

/** The same for any other share. It is longer than proxies and services take to report what they have counted. */
const SHARE_INTERVAL = 7000

/**
 * Runs the command until it prints what is expected, or until the time is up, and judges what it printed last.
 *
 * @throws {MissingFeature} when the mesh lacks something for this
 * @throws {Disturbed} when the machine was too busy for a fair judgment
 */
export async function perform (step: Inspect, run: ExerciseRun): Promise<void> {
  const { environment, falseAlarm, patience, monitor, since } = run
  const words = step.command.map(word => environment.fill(word, since))
  const isExact = step.expected.kind === 'exactly'
  let printed = ''
  let check = undefined as Check | undefined
  let before: number | undefined
  const isSettled = async () => {
    const { stdout, stderr } = await environment.execute(words)
    const lacks = step.lacks?.(stdout)
    if (lacks !== undefined) throw new MissingFeature(lacks)
    printed = stdout + stderr
    const counted = step.count(observedBy(run, stdout))
    check = judge(step, counted, falseAlarm)
    // A check that expects an exact share waits for it. Any other share is judged when the count stops growing: a count
    // that still grows could match only for a moment.
    const settled = isExact ? check.ok : before === counted.count && counted.count > 0
    before = counted.count
    return settled
  }
  const options = {
    timeout: patience,
    ...isExact ? { first: EXACT_FIRST, interval: EXACT_INTERVAL } : { interval: SHARE_INTERVAL },
    signal: environment.kubectl.signal
  }
  const { result: settled, noise } = await measureNoise(monitor, () => until(isSettled, options))
  environment.report.output(printed)
  if (!settled) requireQuietWait(noise, patience)
  else if (!isExact) requireQuietShare(noise)
  addCheck(run, check as Check)
}

/** The command as a line of a shell. */
export const commandFor = ({ command }: Inspect) => lineByHand(command)

import type { Expect } from '../../course/exercise.ts'
import { judge } from '../../judge/statistics.ts'
import { addCheck, observedBy, type ExerciseRun } from '../exercise-run.ts'

/** Judges the last load: what decided the check while the load ran, or else all of its calls. */
export function perform (step: Expect, run: ExerciseRun): void {
  const counted = run.decided.get(step.id) ?? step.count(observedBy(run, run.output))
  addCheck(run, judge(step, counted, run.falseAlarm))
}

/** There is no command: readers compare the answers with what is expected. */
export const commandFor = () => undefined

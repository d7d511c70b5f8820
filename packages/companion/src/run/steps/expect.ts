import type { Expect } from '../../course/exercise.ts'
import { judge } from '../../judge/statistics.ts'
import { addCheck, observedBy, type ExerciseRun } from '../exercise-run.ts'

/** Judges the last load. */
export function perform (step: Expect, run: ExerciseRun): void {
  addCheck(run, judge(step, step.count(observedBy(run, run.output)), run.falseAlarm))
}

/** There is no command: readers compare the answers with what is expected. */
export const commandFor = () => undefined

import type { Expect } from '../../course/exercise.ts'
import { judge } from '../../judge/statistics.ts'
import { addCheck, observed, type ExerciseRun } from '../exercise-run.ts'

/** Judges the last load. */
export function perform (step: Expect, run: ExerciseRun): void {
  addCheck(run, judge(step, step.count(observed(run, run.output)), run.falseAlarm))
}

/** Nothing: readers see for themselves whether the calls are as expected. */
export const commandFor = () => undefined

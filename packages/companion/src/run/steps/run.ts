import { lineByHand } from './words.ts'
import type { Run } from '../../course/exercise.ts'
import type { ExerciseRun } from '../exercise-run.ts'

/** Runs the command, which must end with 0. */
export async function perform (step: Run, { environment }: ExerciseRun): Promise<void> {
  await environment.runCommand(step)
}

/** The command as a line of a shell. */
export const commandFor = ({ command }: Run) => lineByHand(command)

import type { Fault } from '../../course/exercise.ts'
import type { ExerciseRun } from '../exercise-run.ts'

/** Sets the fault in the running pods. */
export async function perform (step: Fault, { environment }: ExerciseRun): Promise<void> {
  const { stdout, stderr } = await environment.setFault(step.arguments)
  environment.report.output(stderr + stdout)
}

/** The call of the script, which uses kubectl's current namespace. */
export const commandFor = (step: Fault) => `scripts/chaos.sh ${step.arguments.join(' ')}`

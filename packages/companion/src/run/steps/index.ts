import type { Step } from '../../course/exercise.ts'
import type { ExerciseRun } from '../exercise-run.ts'
import * as apply from './apply.ts'
import * as expect from './expect.ts'
import * as fault from './fault.ts'
import * as inspect from './inspect.ts'
import * as load from './load.ts'
import * as run from './run.ts'

/** How one kind of step is carried out, and how a reader would type it. */
interface StepModule<S extends Step> {
  perform: (step: S, run: ExerciseRun) => void | Promise<void>
  commandFor: (step: S) => string | undefined
}

const MODULES: { [K in Step['kind']]: StepModule<Extract<Step, { kind: K }>> } = {
  apply, run, fault, load, expect, inspect
}

const moduleFor = (step: Step) => MODULES[step.kind] as StepModule<Step>

/** Whether a step only deploys or changes something, and does not use what an earlier step has deployed. */
const deploys = (step: Step) => step.kind === 'apply' ||
  (step.kind === 'run' && step.makes.some(key => key.startsWith(':deployment.apps/')))

/**
 * Carries a step out. Consecutive steps that only deploy something roll out in parallel: the next step of another kind
 * waits for all of them.
 */
export async function perform (step: Step, run: ExerciseRun): Promise<void> {
  if (!deploys(step)) await run.environment.waitForRollouts()
  await moduleFor(step).perform(step, run)
}

/** The command that a reader would type for a step; undefined if there is none. */
export const commandFor = (step: Step) => moduleFor(step).commandFor(step)

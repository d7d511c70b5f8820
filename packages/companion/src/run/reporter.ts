import type { Exercise, Step } from '../course/exercise.ts'
import type { Check } from '../judge/statistics.ts'
import type { Announce } from '../cluster/kubectl.ts'
import type { Measurement } from '../judge/soundness.ts'
import type { Tally } from '../judge/tally.ts'

/** A check that was not judged: the mesh lacks something for it, or the machine was too busy for a fair measurement. */
export interface Unjudged {
  id: string
  name: string
  lacks?: string
  /** why the measurement was not sound, and what to do about it */
  disturbed?: string
  measured?: Partial<Measurement>
}

/**
 * How an exercise came out. `unjudged`: nothing failed, but the machine was too busy to judge all of it. An exercise
 * can pass although the mesh lacks something for a check. `error` says why the exercise could not be carried out.
 */
export interface Result {
  id: string
  verdict: 'pass' | 'fail' | 'error' | 'unjudged'
  checks: Check[]
  unjudged?: Unjudged[]
  error?: string
}

/** A load while it runs. */
export interface Progress {
  tally: Tally
  /** undefined while it goes on until something ends */
  total: number | undefined
  /** requests a second */
  rate: number
}

/** Whoever wants to see a run while it goes on. */
export interface Reporter {
  /** about the run as a whole */
  note (text: string): void
  begin (exercise: Exercise): void
  /** before a step; it begins when the promise is fulfilled */
  step (step: Step, says: string): Promise<void>
  command: Announce
  /** what a command of the lesson printed */
  output (text: string): void
  progress (progress: Progress): void
  /** the load has ended */
  loaded (progress: Progress): void
  check (check: Check): void
  unjudged (check: Unjudged): void
  end (result: Result, milliseconds: number): void
  /** after all */
  close (): void
}

/** Nobody wants to see it. */
export const silent: Reporter = {
  note () {},
  begin () {},
  step: async () => {},
  command () {},
  output () {},
  progress () {},
  loaded () {},
  check () {},
  unjudged () {},
  end () {},
  close () {}
}

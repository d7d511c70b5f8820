import type { Announce } from '../cluster/kubectl.ts'
import type { Exercise, Step } from '../course/exercise.ts'
import type { Measurement } from '../judge/soundness.ts'
import type { Check } from '../judge/statistics.ts'
import type { Tally } from '../judge/tally.ts'

/** A check that was not judged: the mesh lacks something for it, or the machine was too busy for a fair measurement. */
export interface Unjudged {
  /** the id of the check's step */
  id: string
  name: string
  /** what the mesh lacks */
  lacks?: string
  /** why the measurement was not sound, and what to do about it */
  disturbed?: string
  measured?: Partial<Measurement>
}

/** How an exercise ended. An exercise can pass although the mesh lacks something for a check. */
export interface Result {
  id: string
  /** `unjudged`: nothing failed, but the machine was too busy to judge all of it */
  verdict: 'pass' | 'fail' | 'error' | 'unjudged'
  checks: Check[]
  unjudged?: Unjudged[]
  /** why the exercise could not be carried out */
  error?: string
}

/** The outcome of restoring what was in the namespace before the exercises. */
export interface Restored {
  /** what could not be restored; the record of it stays in the cluster then, for another attempt */
  unrestored: string[]
  /** what you have put into a namespace that the companion made; the namespace stays then */
  kept: string[]
}

/** How a run ended. */
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

/** The options of the run that a summary describes. */
export interface SummaryContext {
  exercises: Exercise[]
  namespace: string
  /** whether everything stays as the last exercise has left it */
  keep: boolean
}

/** A load while it runs. */
export interface Progress {
  tally: Tally
  /** how many requests the load has; undefined if it goes on until a command ends */
  total: number | undefined
  /** requests a second */
  rate: number
}

/** Reports a run while it goes on: to a terminal, as JSON, as JUnit. */
export interface Reporter {
  /** A remark about the run as a whole. */
  note (text: string): void
  /** An exercise begins. */
  begin (exercise: Exercise): void
  /** A step is next. It begins when the promise is fulfilled. */
  step (step: Step, says: string): Promise<void>
  /** A command is about to run. */
  command: Announce
  /** What a command of the lesson printed. */
  output (text: string): void
  /** A load is running. */
  progress (progress: Progress): void
  /** A load has ended. */
  loaded (progress: Progress): void
  check (check: Check): void
  unjudged (check: Unjudged): void
  /** An exercise has ended. */
  end (result: Result, milliseconds: number): void
  /** Chosen exercises that do not run, because the Gateway API cannot do them. */
  leftOut (exercises: Exercise[]): void
  /** These exercises cannot run here, and nothing was done. */
  refused (error: string, exercises: Exercise[]): void
  /** A run has ended. */
  summary (summary: Summary, context: SummaryContext): void
  /** `--reset` has restored what was in the namespace before; `found` says whether there was anything to restore. */
  restored (restored: Restored & { found: boolean }, namespace: string): void
  /** The last call: nothing else will be reported. */
  close (): void
}

/** Reports nothing. */
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
  leftOut () {},
  refused () {},
  summary () {},
  restored () {},
  close () {}
}

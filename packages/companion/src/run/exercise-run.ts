import type { Exercise, Observed } from '../course/exercise.ts'
import { DEFAULT_RATE, sendLoad, type Call } from '../judge/load.ts'
import type { Samples } from '../judge/metrics.ts'
import { delayMonitor, type DelayMonitor } from '../judge/noise.ts'
import type { Measurement } from '../judge/soundness.ts'
import type { Check, Count } from '../judge/statistics.ts'
import type { Environment } from './environment.ts'

/** One run of one exercise: what its steps need, and what they pass on to each other. */
export interface ExerciseRun {
  environment: Environment
  exercise: Pick<Exercise, 'steps'>
  /** the probability of a false alarm that one check may have */
  falseAlarm: number
  /** how long to wait until a change is seen, in milliseconds */
  patience: number
  /** measures how busy the machine is */
  monitor: DelayMonitor
  /** sends a load */
  send: typeof sendLoad
  /** the rate of loads that set none, in requests a second */
  rate: number
  /** how well the last load could be measured */
  measured: Measurement | undefined
  /** the calls of the last load */
  calls: Call[]
  /** by the id of a check: the count that decided it while the last load ran */
  decided: Map<string, Count>
  /** when the last load began by the cluster's clock, or a little earlier, in microseconds; undefined without a load */
  since: number | undefined
  /** by service: what the last load added to its metrics */
  metrics: Record<string, Samples>
  /** what the command that ran during the last load printed */
  output: string
  checks: Check[]
}

/** What a run cannot do without. */
type Given = Pick<ExerciseRun, 'environment' | 'exercise' | 'falseAlarm' | 'patience'>

/** A run at its beginning: nothing has been measured, counted or judged. */
export const newRun = (given: Given & Partial<ExerciseRun>): ExerciseRun => ({
  monitor: delayMonitor(undefined),
  send: sendLoad,
  rate: DEFAULT_RATE,
  measured: undefined,
  calls: [],
  decided: new Map(),
  since: undefined,
  metrics: {},
  output: '',
  checks: [],
  ...given
})

/** The mesh lacks something that the rest of an exercise needs. The message says what. */
export class MissingFeature extends Error {}

/** What a check of this run judges: the last load, and what a command printed. */
export function observedBy ({ calls, metrics, environment }: ExerciseRun, output: string): Observed {
  const { kubectl: { namespace }, gateway } = environment
  return { calls, metrics, output, namespace, gateway: gateway.nameInTraces }
}

/** Adds a check to the result, with the measurement of the last load, and reports it. */
export function addCheck ({ checks, environment, measured }: ExerciseRun, judged: Check): void {
  const check = { ...judged, ...(measured !== undefined && { measured }) }
  checks.push(check)
  environment.report.check(check)
}

import type { Exercise, Expect, Load, Step } from '../../course/exercise.ts'
import type { MeasurementLimits } from '../../judge/soundness.ts'
import { sampleSize, type Expected } from '../../judge/statistics.ts'

type Steps = Pick<Exercise, 'steps'>

/** The steps that judge a load: those between it and the next load. */
function judgesOf (step: Load, { steps }: Steps): Step[] {
  const after = steps.slice(steps.indexOf(step) + 1)
  const next = after.findIndex(({ kind }) => kind === 'load')
  return next === -1 ? after : after.slice(0, next)
}

/** A load has at least this number of requests. */
export const LEAST = 100

/** How many requests a load sends. */
export interface Sample {
  /** with fewer requests, the load does not end */
  least: number
  /** with this number, the load ends whatever the answers are */
  most: number
  /** the load ends earlier as soon as all of these checks are decided; without any, it sends `most` */
  sequential: Expect[]
}

/** The sample that the checks of a load need. */
export function sampleOf (step: Load, exercise: Steps, falseAlarm: number): Sample {
  const checks = judgesOf(step, exercise).filter(step => 'expected' in step)
  const sequential = checks.filter(isSequential)
  const sizeOf = ({ expected }: { expected: Expected }) => sampleSize(expected, falseAlarm)
  const least = Math.max(LEAST, ...checks.filter(check => !isSequential(check)).map(sizeOf))
  return { least, most: Math.max(least, ...sequential.map(sizeOf)), sequential }
}

/** Whether a check can be decided while its load runs: its calls are draws, and nothing else is counted. */
const isSequential = (check: Step): check is Expect =>
  check.kind === 'expect' && check.ofCalls && check.expected.kind === 'about'

/** What the checks that judge a load demand of its measurement: the least noise that any of them tolerates. */
export function limitsOf (step: Load, exercise: Steps): MeasurementLimits {
  const tolerated = judgesOf(step, exercise).flatMap(step => step.kind === 'expect' ? step.tolerates ?? [] : [])
  return { within: step.within, tolerates: tolerated.length === 0 ? undefined : Math.min(...tolerated) }
}

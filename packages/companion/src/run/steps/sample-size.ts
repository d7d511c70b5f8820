import type { Exercise, Load, Step } from '../../course/exercise.ts'
import type { MeasurementLimits } from '../../judge/soundness.ts'
import { sampleSize } from '../../judge/statistics.ts'

type Steps = Pick<Exercise, 'steps'>

/** The steps that judge a load: those between it and the next load. */
function judgesOf (step: Load, { steps }: Steps): Step[] {
  const after = steps.slice(steps.indexOf(step) + 1)
  const next = after.findIndex(({ kind }) => kind === 'load')
  return next === -1 ? after : after.slice(0, next)
}

/** How many requests a load sends: as many as the most demanding of the checks that judge it needs. */
export function requestsOf (step: Load, exercise: Steps, falseAlarm: number): number {
  const checks = judgesOf(step, exercise).filter(step => 'expected' in step)
  return Math.max(...checks.map(({ expected }) => sampleSize(expected, falseAlarm)))
}

/** What the checks that judge a load demand of its measurement: the least noise that any of them tolerates. */
export function limitsOf (step: Load, exercise: Steps): MeasurementLimits {
  const tolerated = judgesOf(step, exercise).flatMap(step => step.kind === 'expect' ? step.tolerates ?? [] : [])
  return { within: step.within, tolerates: tolerated.length === 0 ? undefined : Math.min(...tolerated) }
}

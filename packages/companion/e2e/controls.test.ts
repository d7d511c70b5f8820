// No exercise passes if a part of its lesson is missing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutLesson } from '../src/course/controls.ts'
import type { Control, Exercise } from '../src/course/exercise.ts'
import { course, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { silent, type Result } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'
import { checkOf, freshNamespaces, reasonNotJudged } from './exercises.ts'

const { fresh, remove } = freshNamespaces()
afterAll(remove)

interface Case {
  exercise: Exercise
  control: Control
}

const controls: Case[] = course.flatMap(exercise => exercise.controls.map(control => ({ exercise, control })))
const results = new Map<Control, Result | undefined>()

/**
 * Two runs at once, each with one half of the exercises. A control must fail, and a busy machine does not prevent that.
 * Exercises that change the gateway's Telemetry, which the two runs would share, are all in the same half.
 */
const halfOf = ({ id, steps }: Exercise) =>
  Number(/^ch([789]|\d\d)\./.test(id) || steps.some(step => 'file' in step && step.file.startsWith('istio/ch8/')))

async function runAll (cases: Case[], host: string): Promise<void> {
  const summary = await runExercises({
    exercises: cases.map(({ exercise, control }) => withoutLesson(exercise, control)),
    namespace: fresh(),
    host,
    report: silent,
    falseAlarm: FALSE_ALARM_PER_CHECK,
    patience: 3000
  })
  expect(summary.error).toBeUndefined()
  for (const [index, { control }] of cases.entries()) results.set(control, summary.results[index])
}

/** Whether the mesh lacks what the check needs, as the lab does for one of chapter 7. */
const isLacking = (result: Result | undefined, { fails }: Control) =>
  result?.unjudged?.some(({ id, lacks }) => lacks !== undefined && id === fails) === true

describe('an exercise fails if a part of its lesson is missing', () => {
  beforeAll(async () => {
    await Promise.all([0, 1].map(half =>
      runAll(controls.filter(({ exercise }) => halfOf(exercise) === half), `half${half}.example`)))
    // Controls that could not be judged because of the other half run once more, with the machine to themselves.
    const again = controls.filter(({ control }) => reasonNotJudged(results.get(control), control.fails) !== undefined)
    if (again.length > 0) await runAll(again, 'again.example')
  }, 3_600_000)

  test.for(controls)('$exercise.id: $control.fails fails when $control.when', ({ exercise, control }, { skip }) => {
    const result = results.get(control)
    const reason = reasonNotJudged(result, control.fails)
    skip(reason !== undefined, reason)
    if (isLacking(result, control)) {
      expect(exercise.steps.some(step => 'lacks' in step)).toBe(true)
      return
    }
    expect(result).toMatchObject({ verdict: 'fail' })
    expect(checkOf(result, control.fails)).toMatchObject({ ok: false })
  })
})

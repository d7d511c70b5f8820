// Verdicts while other programs use all cores: each is right, or the exercise is not judged.
import { spawn, type ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { choose, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { withoutLesson } from '../src/course/controls.ts'
import type { Exercise } from '../src/course/exercise.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { silent, type Result } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'
import { checkOf, freshName, reasonNotJudged } from './exercises.ts'

/** The exercises and chapters to run, with their controls. On a busy machine, each run takes a minute or two. */
const exercises = choose((process.env['BUSY_EXERCISES'] ?? 'ch2.chaos ch2.retry').split(' '))

/** More processes than cores, each of which uses a whole core. */
const BURNERS = 8
const MINUTES = 5 * exercises.length + 5

const burners: ChildProcess[] = []
const namespace = freshName()
const results = new Map<Exercise, Result | undefined>()

const controls = exercises.flatMap(exercise => exercise.controls.map(control =>
  ({ exercise, control, changed: withoutLesson(exercise, control) })))

beforeAll(async () => {
  // They end after this time. If this process is killed, they get another parent, and end at once.
  const burn = `const end = Date.now() + ${MINUTES * 60_000}; ` +
    `while (Date.now() < end && process.ppid === ${process.pid});`
  for (let i = 0; i < BURNERS; i++) burners.push(spawn(process.execPath, ['-e', burn], { stdio: 'ignore' }))
  const all = [...exercises, ...controls.map(({ changed }) => changed)]
  const summary = await runExercises({
    exercises: all,
    namespace,
    host: 'busy.example',
    report: silent,
    falseAlarm: FALSE_ALARM_PER_CHECK
  })
  expect(summary.error).toBeUndefined()
  for (const [index, exercise] of all.entries()) results.set(exercise, summary.results[index])
}, MINUTES * 60_000)

afterAll(async () => {
  for (const burner of burners) burner.kill('SIGKILL')
  await new Kubectl('default').run(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false'])
})

describe('while eight processes use all cores', () => {
  test.each(exercises)('$id passes, or is not judged', exercise => {
    const result = results.get(exercise)
    console.log(`${exercise.id} on a busy machine: ${result?.verdict}`)
    expect(result?.checks.filter(({ ok }) => !ok)).toEqual([])
    expect(['pass', 'unjudged']).toContain(result?.verdict)
  })

  test.each(controls)('$exercise.id fails, or is not judged, when $control.when', ({ exercise, control, changed }) => {
    const result = results.get(changed)
    console.log(`${exercise.id} without its lesson on a busy machine: ${result?.verdict}`)
    expect(['fail', 'unjudged']).toContain(result?.verdict)
    if (result?.verdict !== 'fail' || reasonNotJudged(result, control.fails) !== undefined) return
    expect(checkOf(result, control.fails)).toMatchObject({ ok: false })
  })
})

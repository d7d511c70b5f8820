import { globSync } from 'node:fs'
import { FALSE_ALARM } from '../judge/statistics.ts'
import type { Exercise } from './exercise.ts'

const folder = new URL('exercises/', import.meta.url)
const inOrder = new Intl.Collator('en', { numeric: true }).compare
const files = globSync('ch*/[0-9]*-*.ts', { cwd: folder }).sort(inOrder)

const exerciseIn = async (file: string) =>
  (await import(new URL(file, folder).href) as { default: Exercise }).default

/** All exercises in the order of the book. The file exercises/chN/M-NAME.ts is exercise M of chapter N. */
export const course: Exercise[] = await Promise.all(files.map(exerciseIn))

const checks = course.flatMap(({ steps }) => steps).filter(step => 'expected' in step)

/**
 * The probability of a false alarm that one check may have, so that a run of the whole course stays below FALSE_ALARM.
 * The checks that are judged as draws share it. The others cannot fail by chance: what they expect holds always, or is
 * far inside a wide band.
 */
export const FALSE_ALARM_PER_CHECK = FALSE_ALARM / checks.filter(({ expected }) => expected.kind === 'about').length

/**
 * Chooses exercises by id or by chapter, and drops those before `from`.
 *
 * @throws {RangeError} when there is no such exercise or chapter
 */
export function choose (names: string[], from?: string): Exercise[] {
  const wanted = [...names, ...from === undefined ? [] : [from]]
  const unknown = wanted.filter(name => !course.some(exercise => isMeant(exercise, name)))
  if (unknown.length > 0) {
    throw new RangeError(`There is no exercise or chapter ${unknown.join(', ')}. To list them: npm run exercise`)
  }
  const chosen = names.length === 0 ? course : course.filter(exercise => names.some(name => isMeant(exercise, name)))
  const first = from === undefined ? 0 : chosen.findIndex(exercise => isMeant(exercise, from))
  if (first === -1) {
    throw new RangeError(`--from ${from} is not among the chosen exercises ${names.join(', ')}. ` +
      'Choose it as well, or leave out the names')
  }
  return chosen.slice(first)
}

/** Whether a name is the id of an exercise, or its chapter. */
const isMeant = ({ id }: Exercise, name: string) => id === name || id.startsWith(`${name}.`)

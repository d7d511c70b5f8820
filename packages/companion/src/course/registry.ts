import { globSync } from 'node:fs'
import type { Exercise } from './exercise.ts'
import { FALSE_ALARM } from '../judge/statistics.ts'

const folder = new URL('exercises/', import.meta.url)
const files = globSync('ch*/[0-9]*-*.ts', { cwd: folder }).sort(new Intl.Collator('en', { numeric: true }).compare)

/** All exercises in the order of the book: exercises/chN/M-NAME.ts, M-th of chapter N. */
export const course: Exercise[] = await Promise.all(files.map(async file => (await import(new URL(file, folder).href) as { default: Exercise }).default))

/**
 * The probability of a false alarm that one check may have, so that a run of the whole course stays below FALSE_ALARM: those that are
 * judged as draws share it. The others have none: what must hold always, or lies far within a wide band, does not fail by chance.
 */
export const FALSE_ALARM_PER_CHECK = FALSE_ALARM / course.flatMap(({ steps }) => steps).filter(step => 'expected' in step && step.expected.kind === 'about').length

/**
 * The exercises that are meant: by id, by chapter, or from one id on.
 *
 * @throws {RangeError} naming what there is not
 */
export function choose (names: string[], from?: string): Exercise[] {
  const unknown = [...names, ...from === undefined ? [] : [from]].filter(name => !course.some(exercise => isMeant(exercise, name)))
  if (unknown.length > 0) throw new RangeError(`there is no exercise or chapter ${unknown.join(', ')}; npm run exercise lists them`)
  const chosen = names.length === 0 ? course : course.filter(exercise => names.some(name => isMeant(exercise, name)))
  const first = from === undefined ? 0 : chosen.findIndex(exercise => isMeant(exercise, from))
  if (first === -1) throw new RangeError(`${from} is not among ${names.join(', ')}`)
  return chosen.slice(first)
}

const isMeant = ({ id }: Exercise, name: string) => id === name || id.startsWith(`${name}.`)

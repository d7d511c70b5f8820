import { argumentsFor, pathOf } from '../../cluster/manifests.ts'
import type { Apply } from '../../course/exercise.ts'
import { fillPlaceholders, VALUES_BY_HAND } from '../../course/placeholders.ts'
import type { ExerciseRun } from '../exercise-run.ts'

/** Applies the file. */
export async function perform (step: Apply, { environment }: ExerciseRun): Promise<void> {
  await environment.apply(step)
}

/** kubectl apply, with sed in front of it if values must be filled in. */
export function commandFor ({ file, values }: Apply): string {
  const path = pathOf(file)
  const words = Object.entries(values)
  if (words.length === 0) return `kubectl apply ${argumentsFor(path).join(' ')}`
  const script = words
    .map(([word, source]) => `s|${word}|$(cat ${fillPlaceholders(source, VALUES_BY_HAND)})|`).join('; ')
  return `sed "${script}" ${path} | kubectl apply -f -`
}

import { styleText } from 'node:util'
import type { Exercise } from '../course/exercise.ts'

/** The exercises as JSON: their ids, titles and needs. */
export function listAsJson (exercises: Exercise[]): string {
  return JSON.stringify(exercises.map(({ id, title, needs, istio }) => ({ id, title, needs, istio })), null, 2)
}

/** The exercises as lines for a reader, with the command that runs the first one. */
export function listAsText (exercises: Exercise[]): string {
  const width = (of: (exercise: Exercise) => string) => Math.max(...exercises.map(exercise => of(exercise).length))
  const [ids, titles] = [width(({ id }) => id), width(({ title }) => title)]
  const lines = exercises.map(({ id, title, needs, istio }) => {
    const needed = [...needs, ...istio === undefined ? [] : [`Istio ${istio}`]].join(', ')
    return `  ${id.padEnd(ids)}  ${title.padEnd(titles)}  ${styleText('dim', `needs ${needed}`)}`
  })
  return `${lines.join('\n')}

To run one in the cluster of the current kubectl context: npm run exercise -- ${exercises[0]?.id}
All options: npm run exercise -- --help`
}

import type { Control, Exercise } from './exercise.ts'

/** A file is not applied. */
export const withhold = (file: string, fails: string): Control => ({
  when: `\`k8s/${file === '.' ? '' : file}\` is not applied`,
  change: step => step.kind === 'apply' && step.file === file ? undefined : step,
  fails
})

/** Another file is applied in its place. */
export const otherFile = (file: string, other: string, fails: string): Control => ({
  when: `\`k8s/${other}\` is applied in place of \`k8s/${file}\``,
  change: step => step.kind === 'apply' && step.file === file ? { ...step, file: other } : step,
  fails
})

/** scripts/chaos.sh is told something else. */
export const otherFault = (id: string, words: string, fails: string): Control => ({
  when: `the fault is \`${words}\` in place of what is asked for`,
  change: step => step.kind === 'fault' && step.id === id ? { ...step, arguments: words.split(' ') } : step,
  fails
})

/** A load sends other headers. */
export const otherHeaders = (id: string, headers: Record<string, string>, fails: string): Control => ({
  when: `the requests of the step \`${id}\` have ${Object.keys(headers).length === 0 ? 'no header' : Object.entries(headers).map(([name, value]) => `\`${name}: ${value}\``).join(', ')}`,
  change: step => step.kind === 'load' && step.id === id ? { ...step, headers } : step,
  fails
})

/** The same exercise without its lesson. */
export function withoutLesson (exercise: Exercise, { change }: Control): Exercise {
  return { ...exercise, steps: exercise.steps.flatMap(step => change(step) ?? []) }
}

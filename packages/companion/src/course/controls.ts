import type { Control, Exercise, Step } from './exercise.ts'

/** The same exercise, but a file is not applied. */
export const withhold = (file: string, fails: string): Control => ({
  when: `\`k8s/${file === '.' ? '' : file}\` is not applied`,
  change: step => step.kind === 'apply' && step.file === file ? undefined : step,
  fails
})

/** The same exercise, but with another file. */
export const otherFile = (file: string, other: string, fails: string): Control => ({
  when: `\`k8s/${other}\` is applied instead of \`k8s/${file}\``,
  change: step => step.kind === 'apply' && step.file === file ? { ...step, file: other } : step,
  fails
})

/**
 * The same exercise, but with another fault.
 *
 * @param id the step of the fault
 * @param words the arguments of scripts/chaos.sh, separated by spaces
 */
export const otherFault = (id: string, words: string, fails: string): Control => ({
  when: `the step \`${id}\` runs \`scripts/chaos.sh ${words}\` instead`,
  change: step => step.kind === 'fault' && step.id === id ? { ...step, arguments: words.split(' ') } : step,
  fails
})

/**
 * The same exercise, but a load has other headers.
 *
 * @param id the step of the load
 */
export const otherHeaders = (id: string, headers: Record<string, string>, fails: string): Control => {
  const list = Object.entries(headers).map(([name, value]) => `\`${name}: ${value}\``).join(', ')
  return {
    when: `the requests of the step \`${id}\` have ${list === '' ? 'no header' : `the header ${list}`}`,
    change: step => step.kind === 'load' && step.id === id ? { ...step, headers } : step,
    fails
  }
}

/**
 * The same exercise without its lesson. It ends after the check that must fail, and leaves out what only leads to other
 * checks: these, and loads that neither wait for a change nor run beside a command.
 */
export function withoutLesson ({ steps, ...exercise }: Exercise, { change, fails }: Control): Exercise {
  const last = steps.findIndex(({ id }) => id === fails)
  const judged = steps.findLastIndex(({ kind }, i) => kind === 'load' && i < last)
  const isNeeded = (step: Step, i: number) => {
    if (i === last || i === judged) return true
    if (step.kind === 'load') return step.arrived !== undefined || step.during !== undefined
    return step.kind !== 'expect' && (step.kind !== 'inspect' || !judgesLoad(steps, i))
  }
  return { ...exercise, steps: steps.slice(0, last + 1).filter(isNeeded).flatMap(step => change(step) ?? []) }
}

/** Whether the step at this index follows a load: only a change ends what judges a load. */
function judgesLoad (steps: Step[], index: number): boolean {
  const before = steps.slice(0, index).findLast(({ kind }) => kind !== 'expect' && kind !== 'inspect')
  return before?.kind === 'load'
}

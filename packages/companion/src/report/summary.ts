import { styleText } from 'node:util'
import type { Restored, Result, Summary, SummaryContext } from '../run/reporter.ts'
import {
  deeperText, failuresOf, firstLineOf, keptText, unjudgedText, unrestoredText, type Again, type Print
} from './texts.ts'

/** Prints how a run ended: a line for each exercise, the counts, and what is left in the namespace. */
export function printSummary (print: Print, summary: Summary, context: SummaryContext, again: Again): void {
  const { results, error, unrestored, kept } = summary
  const { exercises, namespace, keep } = context
  if (error !== undefined) print.error(`\n${styleText('red', error)}`)
  print.log(`\n${exercises.map(({ id }) => id).map(lineIn(results, exercises)).join('\n')}`)
  const wrong = results.find(({ verdict }) => verdict === 'fail' || verdict === 'error')
  if (wrong !== undefined) print.log(`\n${deeperText(wrong.id, namespace, again)}`)
  print.log(`\n${countsText(summary)}`)
  if (unrestored.length > 0) print.error(unrestoredText(unrestored, again))
  else if (kept.length > 0) print.log(keptText(kept, namespace))
  else if (keep && error === undefined) {
    print.log(`Everything is as the last exercise left it. To restore what was there before: ${again('--reset')}`)
  }
}

/** Prints what `--reset` has restored. */
export function printRestored (
  print: Print, { found, unrestored, kept }: Restored & { found: boolean }, namespace: string, again: Again
): void {
  if (unrestored.length > 0) print.error(unrestoredText(unrestored, again))
  else if (kept.length > 0) print.log(keptText(kept, namespace))
  else if (found) print.log(`Namespace ${namespace} is as it was before the exercises.`)
  else print.log(`No run has left anything in namespace ${namespace}.`)
}

/** A verdict as a word in its color. */
export function colored (verdict: Result['verdict']): string {
  if (verdict === 'unjudged') return styleText(['bold', 'yellow'], 'NOT JUDGED')
  return styleText(verdict === 'pass' ? ['bold', 'green'] : ['bold', 'red'], verdict.toUpperCase())
}

/** The lines of the summary, by the id of an exercise: its verdict, and the reasons for it. */
function lineIn (results: Result[], exercises: { id: string }[]): (id: string) => string {
  const width = Math.max(...exercises.map(({ id }) => id.length))
  return id => {
    const result = results.find(result => result.id === id)
    return `  ${id.padEnd(width)}  ${result === undefined ? 'not run' : outcomeOf(result)}`
  }
}

function outcomeOf (result: Result): string {
  const { verdict, error, unjudged: [first, ...more] = [] } = result
  return [
    colored(verdict),
    ...error === undefined ? [] : [firstLineOf(error)],
    ...failuresOf(result),
    ...first === undefined ? [] : [`${unjudgedText(first)}${more.length === 0 ? '' : ` (and ${more.length} more)`}`]
  ].join('  ')
}

function countsText ({ passed, failed, notJudged, notRun }: Summary): string {
  return [
    `${passed} passed`,
    `${failed} failed`,
    ...notJudged === 0 ? [] : [`${notJudged} not judged`],
    ...notRun === 0 ? [] : [`${notRun} not run`]
  ].join(', ')
}

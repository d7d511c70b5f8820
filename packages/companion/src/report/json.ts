import { silent, type Reporter, type Restored, type Summary } from '../run/reporter.ts'
import { unrestoredText, type Again, type Print } from './texts.ts'

/** Prints one JSON object when everything is over, and nothing before. */
export function json ({ again, print = console }: { again: Again, print?: Print }): Reporter {
  let left: string[] = []

  /** Prints the object. Everything that went wrong is in `error`, and empty lists are left out. */
  function printObject ({ unrestored, kept, error, ...rest }: Restored & Partial<Summary> & { found?: boolean }): void {
    const errors = [
      ...error === undefined ? [] : [error],
      ...unrestored.length > 0 ? [unrestoredText(unrestored, again)] : []
    ]
    print.log(JSON.stringify({
      ...rest,
      ...(left.length > 0 && { leftOut: left }),
      ...(kept.length > 0 && { kept }),
      ...(errors.length > 0 && { error: errors.join('\n') })
    }, null, 2))
  }

  return {
    ...silent,
    leftOut (exercises) { left = exercises.map(({ id }) => id) },
    refused (error, { length: notRun }) {
      left = []
      printObject({ passed: 0, failed: 0, notJudged: 0, notRun, results: [], error, unrestored: [], kept: [] })
    },
    summary: printObject,
    restored: printObject
  }
}

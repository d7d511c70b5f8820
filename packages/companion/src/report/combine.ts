import type { Reporter } from '../run/reporter.ts'

/** A reporter that passes each event to all of these, in this order. */
export function combine (...reporters: Reporter[]): Reporter {
  return {
    note: text => reporters.forEach(each => each.note(text)),
    begin: exercise => reporters.forEach(each => each.begin(exercise)),
    async step (step, says) {
      for (const each of reporters) await each.step(step, says)
    },
    command: (line, kind) => reporters.forEach(each => each.command(line, kind)),
    output: text => reporters.forEach(each => each.output(text)),
    progress: progress => reporters.forEach(each => each.progress(progress)),
    loaded: progress => reporters.forEach(each => each.loaded(progress)),
    check: check => reporters.forEach(each => each.check(check)),
    unjudged: check => reporters.forEach(each => each.unjudged(check)),
    end: (result, milliseconds) => reporters.forEach(each => each.end(result, milliseconds)),
    leftOut: exercises => reporters.forEach(each => each.leftOut(exercises)),
    refused: (error, exercises) => reporters.forEach(each => each.refused(error, exercises)),
    summary: (summary, context) => reporters.forEach(each => each.summary(summary, context)),
    restored: (restored, namespace) => reporters.forEach(each => each.restored(restored, namespace)),
    close: () => reporters.forEach(each => each.close())
  }
}

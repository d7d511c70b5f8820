import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import { checkText, number } from '../judge/figures.ts'
import type { Progress, Reporter, Result, Summary } from '../run/reporter.ts'
import { Trouble } from '../cluster/errors.ts'
import { deeperText, failuresOf, firstLineOf, keptText, unjudgedText, unrestoredText, type Again } from './texts.ts'

/** The width of the progress bar, in characters. */
const BAR = 30

/**
 * Shows a run on the terminal: each step with its commands and their output, the loads while they run, and the results.
 *
 * @param wait whether each step waits for Enter
 * @param signal ends the waiting
 * @param again the commands that the summary suggests
 */
export function terminal ({ wait, signal, again }: { wait: boolean, signal: AbortSignal, again: Again }): Reporter {
  const live = process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined
  const enter = wait ? waitingForEnter(signal) : undefined
  const announced = new Set<string>()
  let drawn = 0

  return {
    note: text => console.log(styleText('dim', text)),

    begin ({ id, title, aim }) {
      console.log(`\n${styleText('bold', `${id}  ${title}`)}\n${wrapped(aim)}`)
      announced.clear()
    },

    async step (step, says) {
      announced.clear()
      if (step.kind === 'expect') return
      console.log(`\n  ${styleText(['bold', 'cyan'], `▸ ${says}`)}`)
      await enter?.next()
    },

    command (line, kind) {
      if (announced.has(line)) return // a step may repeat a command until its output is as expected
      announced.add(line)
      const prompt = line.startsWith('#') ? '' : '$ '
      const shown = kind === 'lesson' ? `${styleText('green', prompt)}${line}` : styleText('dim', cut(prompt + line))
      console.log(`    ${shown}`)
    },

    output (text) {
      const trimmed = text.trimEnd()
      if (trimmed !== '') console.log(shortened(trimmed.split('\n')).map(line => `      ${cut(line)}`).join('\n'))
    },

    progress (progress) {
      if (live === undefined || Date.now() - drawn < 100) return
      drawn = Date.now()
      live(drawing(progress))
    },

    loaded (progress) {
      live?.clear()
      console.log(drawing(progress))
    },

    check (check) {
      console.log(`    ${check.ok ? styleText('green', '✓') : styleText('red', '✗')} ${checkText(check)}`)
    },

    unjudged (check) {
      console.log(`    ${styleText('yellow', '–')} ${unjudgedText(check)}`)
    },

    end ({ id, verdict, error }, milliseconds) {
      if (error !== undefined) console.log(`\n  ${styleText('red', error)}`)
      console.log(`\n  ${colored(verdict)} ${id} in ${(milliseconds / 1000).toFixed(1)} s`)
    },

    leftOut (exercises) {
      console.error(`Left out, because the Gateway API cannot do them: ${exercises.map(({ id }) => id).join(', ')}`)
    },

    refused: error => console.error(error),

    summary (summary, { exercises, namespace, keep }) {
      const { results, error, unrestored, kept } = summary
      if (error !== undefined) console.error(`\n${styleText('red', error)}`)
      console.log(`\n${exercises.map(({ id }) => id).map(lineIn(results, exercises)).join('\n')}`)
      const wrong = results.find(({ verdict }) => verdict === 'fail' || verdict === 'error')
      if (wrong !== undefined) console.log(`\n${deeperText(wrong.id, namespace, again)}`)
      console.log(`\n${countsText(summary)}`)
      if (unrestored.length > 0) console.error(unrestoredText(unrestored, again))
      else if (kept.length > 0) console.log(keptText(kept, namespace))
      else if (keep && error === undefined) {
        console.log(`Everything is as the last exercise left it. To restore what was there before: ${again('--reset')}`)
      }
    },

    restored ({ found, unrestored, kept }, namespace) {
      if (unrestored.length > 0) console.error(unrestoredText(unrestored, again))
      else if (kept.length > 0) console.log(keptText(kept, namespace))
      else if (found) console.log(`Namespace ${namespace} is as it was before the exercises.`)
      else console.log(`No run has left anything in namespace ${namespace}.`)
    },

    close: () => enter?.close()
  }
}

/** A verdict as a word in its color. */
function colored (verdict: Result['verdict']): string {
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

function drawing ({ tally, total, rate }: Progress): string {
  const done = total === undefined ? BAR : Math.round(BAR * tally.calls / total)
  const bar = `${'█'.repeat(done)}${'░'.repeat(BAR - done)}`
  const sent = `${number(tally.calls)} ${total === undefined ? '' : `of ${number(total)} `}requests`
  return [`${bar}  ${sent}, ${rate} per second`, ...tally.lines()].map(line => `    ${line}`).join('\n')
}

/** Leaves out the middle of a long output. */
function shortened (lines: string[]): string[] {
  return lines.length <= 12 ? lines : [...lines.slice(0, 8), `… ${lines.length - 10} more lines`, ...lines.slice(-2)]
}

/** Cuts off the end of a long line. */
const cut = (line: string) => line.length > 300 ? `${line.slice(0, 300)} …` : line

function wrapped (text: string): string {
  return text.replace(/(.{1,100})(?:\s+|$)/g, '$1\n').trimEnd()
}

/** Waits for Enter. If the input ends, Enter can never come, so that ends the run. */
function waitingForEnter (signal: AbortSignal) {
  const lines = createInterface({ input: process.stdin }) // without `output`, Ctrl-C still sends SIGINT
  const typed = lines[Symbol.asyncIterator]()
  const close = () => lines.close()
  signal.addEventListener('abort', close)
  return {
    close,
    async next () {
      process.stdout.write(styleText('dim', '    Press Enter to continue '))
      const { done } = await typed.next()
      signal.throwIfAborted()
      if (done === true) throw new Trouble('--step waits for Enter, but the input has ended.', 'Run it in a terminal.')
    }
  }
}

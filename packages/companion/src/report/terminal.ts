import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import { checkText } from '../judge/figures.ts'
import { number } from '../judge/numbers.ts'
import type { Progress, Reporter } from '../run/reporter.ts'
import { Trouble } from '../cluster/errors.ts'
import { colored, printRestored, printSummary } from './summary.ts'
import { unjudgedText, type Again, type Print } from './texts.ts'

/** The width of the progress bar, in characters. */
const BAR = 30

interface TerminalOptions {
  wait: boolean
  signal: AbortSignal
  again: Again
  print?: Print
}

/**
 * Shows a run on the terminal: each step with its commands and their output, the loads while they run, and the results.
 *
 * @param wait whether each step waits for Enter
 * @param signal ends the waiting
 * @param again the commands that the summary suggests
 * @param print prints the lines. Only the console also shows loads while they run
 */
export function terminal ({ wait, signal, again, print = console }: TerminalOptions): Reporter {
  const live = print === console && process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined
  const enter = wait ? waitingForEnter(signal) : undefined
  const announced = new Set<string>()
  let drawn = 0

  return {
    note: text => print.log(styleText('dim', text)),

    begin ({ id, title, aim }) {
      print.log(`\n${styleText('bold', `${id}  ${title}`)}\n${wrapped(aim)}`)
      announced.clear()
    },

    async step (step, says) {
      announced.clear()
      if (step.kind === 'expect') return
      print.log(`\n  ${styleText(['bold', 'cyan'], `▸ ${says}`)}`)
      await enter?.next()
    },

    command (line, kind) {
      if (announced.has(line)) return // a step may repeat a command until its output is as expected
      announced.add(line)
      const prompt = line.startsWith('#') ? '' : '$ '
      const shown = kind === 'lesson' ? `${styleText('green', prompt)}${line}` : styleText('dim', cut(prompt + line))
      print.log(`    ${shown}`)
    },

    output (text) {
      const trimmed = text.trimEnd()
      if (trimmed !== '') print.log(shortened(trimmed.split('\n')).map(line => `      ${cut(line)}`).join('\n'))
    },

    progress (progress) {
      if (live === undefined || Date.now() - drawn < 100) return
      drawn = Date.now()
      live(drawing(progress))
    },

    loaded (progress) {
      live?.clear()
      print.log(drawing(progress))
    },

    check (check) {
      print.log(`    ${check.ok ? styleText('green', '✓') : styleText('red', '✗')} ${checkText(check)}`)
    },

    unjudged (check) {
      print.log(`    ${styleText('yellow', '–')} ${unjudgedText(check)}`)
    },

    end ({ id, verdict, error }, milliseconds) {
      if (error !== undefined) print.log(`\n  ${styleText('red', error)}`)
      print.log(`\n  ${colored(verdict)} ${id} in ${(milliseconds / 1000).toFixed(1)} s`)
    },

    leftOut (exercises) {
      print.error(`Left out, because the Gateway API cannot do them: ${exercises.map(({ id }) => id).join(', ')}`)
    },

    refused: error => print.error(error),

    summary: (summary, context) => printSummary(print, summary, context, again),
    restored: (restored, namespace) => printRestored(print, restored, namespace, again),
    close: () => enter?.close()
  }
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

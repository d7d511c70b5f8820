import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import { checkText, number } from '../judge/figures.ts'
import type { Progress, Reporter, Result, Unjudged } from '../run/reporter.ts'
import { Trouble } from '../cluster/errors.ts'

const BAR = 30

/**
 * Tells a run on the terminal: every step with its commands and what they print, the load while it runs, and what came out.
 *
 * @param wait whether each step waits for Enter, as in front of a room
 * @param signal ends the waiting
 */
export function terminal ({ wait, signal }: { wait: boolean, signal: AbortSignal }): Reporter {
  const live = process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined
  const enter = wait ? enters(signal) : undefined
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
      if (announced.has(line)) return // asked again and again until it is as it is to be
      announced.add(line)
      const prompt = line.startsWith('#') ? '' : '$ '
      console.log(`    ${kind === 'lesson' ? `${styleText('green', prompt)}${line}` : styleText('dim', cut(prompt + line))}`)
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
      console.log(`\n  ${coloured(verdict)} ${id} in ${(milliseconds / 1000).toFixed(1)} s`)
    },

    summary () {},

    restored () {},

    close: () => enter?.close()
  }
}

/** A verdict as a word in its colour. */
export function coloured (verdict: Result['verdict']): string {
  if (verdict === 'unjudged') return styleText(['bold', 'yellow'], 'NOT JUDGED')
  return styleText(verdict === 'pass' ? ['bold', 'green'] : ['bold', 'red'], verdict.toUpperCase())
}

/** Why a check has no verdict. */
export function unjudgedText ({ name, lacks, disturbed }: Unjudged): string {
  return `${name}: not judged, since ${disturbed ?? `this mesh lacks ${lacks}`}`
}

function drawing ({ tally, total, rate }: Progress): string {
  const done = total === undefined ? BAR : Math.round(BAR * tally.calls / total)
  return [
    `${'█'.repeat(done)}${'░'.repeat(BAR - done)}  ${number(tally.calls)} ${total === undefined ? '' : `of ${number(total)} `}requests, ${rate} a second`,
    ...tally.lines()
  ].map(line => `    ${line}`).join('\n')
}

/** What nobody would read on is left out in the middle. */
function shortened (lines: string[]): string[] {
  return lines.length <= 12 ? lines : [...lines.slice(0, 8), `… ${lines.length - 10} more lines`, ...lines.slice(-2)]
}

/** What is too long to be read is cut off. */
const cut = (line: string) => line.length > 300 ? `${line.slice(0, 300)} …` : line

function wrapped (text: string): string {
  return text.replace(/(.{1,100})(?:\s+|$)/g, '$1\n').trimEnd()
}

/** Waits for Enter. An input that has ended will never have one: it ends the run. */
function enters (signal: AbortSignal) {
  const lines = createInterface({ input: process.stdin }) // without an output it leaves Ctrl-C alone
  const typed = lines[Symbol.asyncIterator]()
  const close = () => lines.close()
  signal.addEventListener('abort', close)
  return {
    close,
    async next () {
      process.stdout.write(styleText('dim', '    Enter: go on '))
      const { done } = await typed.next()
      signal.throwIfAborted()
      if (done === true) throw new Trouble('The input has ended, and --step waits for Enter.', 'Run it in a terminal.')
    }
  }
}

import { execFile } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Store } from './store.ts'

/**
 * Runs a command that the user typed: `kill v1`, `start v1` or `help`. For a catalog, its version is enough as a name.
 *
 * @returns the answer; empty if the store itself reports what happens
 */
export function runCommand (line: string, store: Pick<Store, 'names' | 'start' | 'kill'>): string {
  const [verb = '', wanted = ''] = line.trim().split(/\s+/)
  const help = [
    'kill NAME    kills a process, as when a pod dies',
    'start NAME   starts it again',
    `The names: ${store.names.map(shortNameOf).join(', ')}`
  ].join('\n')
  if (verb === '') return ''
  if (verb === 'help') return help
  if (verb !== 'kill' && verb !== 'start') return `There is no command '${verb}'.\n${help}`

  const name = store.names.find(name => name === wanted || shortNameOf(name) === wanted)
  if (wanted === '') return `Which process? Type ${verb} and a name.\n${help}`
  if (name === undefined) return `There is no process '${wanted}'.\n${help}`
  if (verb === 'start') return store.start(name) ? `${name} is starting.` : `${name} is already running.`
  return store.kill(name) ? '' : `${name} is not running. To start it, type: start ${shortNameOf(name)}`
}

/** The name to type for a process: v1 for catalog-v1. */
export function shortNameOf (name: string): string {
  return name.replace('catalog-', '')
}

/** The lines that the user types. */
export interface Lines {
  isReading: () => boolean
  close: () => void
}

/** Reads the lines of the standard input: a terminal, or a pipe that stays open. */
export function readLines (onLine: (line: string) => void): Lines {
  let [isOpen, isReading] = [true, false]
  const lines = createInterface({ input: process.stdin })
    .on('line', onLine)
    .once('close', () => { isOpen = isReading = false })
  process.stdin.once('error', () => lines.close())
  lines.pause()
  // The shell can move this job between foreground and background. It sends this signal when it continues the job.
  const follow = async () => {
    const mayRead = await isForeground()
    if (!isOpen) return
    isReading = mayRead
    if (mayRead) lines.resume()
    else lines.pause()
  }
  process.on('SIGCONT', follow)
  follow()
  return { isReading: () => isReading, close: () => lines.close() }
}

/** Whether this job may read its input. The shell suspends a background job that reads from the terminal. */
async function isForeground (): Promise<boolean> {
  if (!process.stdin.isTTY) return true
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)])
    const [group, foreground] = stdout.trim().split(/\s+/)
    return group === foreground
  } catch { // small containers have no ps, and no jobs either
    return true
  }
}

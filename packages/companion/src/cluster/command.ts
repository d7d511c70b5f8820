import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The root of the project, where every command runs. */
export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** How a command ended and what it printed. */
export interface CommandResult {
  code: number
  stdout: string
  stderr: string
  /** nothing of that name is installed */
  isMissing?: true
}

export interface CommandOptions {
  /** its stdin */
  input?: string | undefined
  /** ends it, and what it has started, with SIGTERM */
  signal?: AbortSignal | undefined
}

/**
 * Runs a command to its end, whatever that is. One that cannot be started ends with 126, one that is not installed with 127, one that a signal ended with 1. Ctrl-C in
 * the terminal does not reach it: whether it is to end is for us to say.
 */
export function command (name: string, args: string[], { input, signal }: CommandOptions = {}): Promise<CommandResult> {
  return new Promise(resolve => {
    if (signal?.aborted === true) return resolve({ code: 1, stdout: '', stderr: 'ended by a signal' })
    const child = spawn(name, args, { cwd: ROOT, detached: true, stdio: 'pipe' })
    const end = () => {
      try {
        process.kill(-(child.pid as number), 'SIGTERM') // with all that it has started itself
      } catch {} // it has ended just now, or never began
    }
    signal?.addEventListener('abort', end)
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (text: string) => { said[stream] += text })
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve({ code: 127, stdout: '', stderr: `${name} is not installed`, isMissing: true })
      else if (child.pid === undefined) resolve({ code: 126, stdout: '', stderr: error.message }) // it could not be started; nothing else will come
    })
    child.once('exit', () => signal?.removeEventListener('abort', end))
    child.once('close', code => resolve({ code: code ?? 1, ...said }))
    child.stdin.on('error', () => {}) // it may end before it has read everything
    child.stdin.end(input)
  })
}

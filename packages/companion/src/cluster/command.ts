import { execa } from 'execa'
import { ROOT } from '../../../../scripts/project.ts'

/** The root folder of the project, where every command runs. */
export { ROOT }

/** How a command ended and what it printed. */
export interface CommandResult {
  /** the exit code; 1 if a signal ended the command, 126 if it cannot be started, 127 if it is not installed */
  code: number
  stdout: string
  stderr: string
  /** whether no command of this name is installed */
  isMissing?: true
}

/** What a command reads, and what ends it. */
export interface CommandOptions {
  /** the text that the command reads from its stdin */
  input?: string | undefined
  /** aborting it ends the command and all processes that it has started, with SIGTERM */
  signal?: AbortSignal | undefined
}

/**
 * Runs a command and waits until it has ended. The promise is never rejected: the result says what went wrong.
 *
 * The command has its own process group, so Ctrl-C in the terminal does not reach it: only `signal` ends it. It also
 * outlives the companion, because a change to the cluster must not stop halfway.
 */
export async function command (
  name: string, args: string[], { input = '', signal }: CommandOptions = {}
): Promise<CommandResult> {
  if (signal?.aborted === true) return { code: 1, stdout: '', stderr: 'ended by a signal' } // execa would start it
  const { exitCode, code, originalMessage, stdout, stderr } = await execa(name, args, {
    cwd: ROOT,
    input,
    reject: false,
    stripFinalNewline: false,
    cleanup: false,
    killDescendants: true,
    forceKillAfterDelay: false,
    ...signal !== undefined && { cancelSignal: signal }
  })
  if (code === 'ENOENT') return { code: 127, stdout, stderr: `${name} is not installed`, isMissing: true }
  if (code !== undefined) return { code: 126, stdout, stderr: originalMessage ?? code }
  return { code: exitCode ?? 1, stdout, stderr }
}

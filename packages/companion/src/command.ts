import { execFile } from 'node:child_process'

/** How a command ended and what it printed. */
export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command to its end, whatever that is; `input` is its stdin. A command that is not installed ends with 127. */
export function command (name: string, args: string[], { input }: { input?: string | undefined } = {}): Promise<CommandResult> {
  return new Promise(resolve => {
    const child = execFile(name, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : error.code === 'ENOENT' ? 127 : 1
      resolve({ code, stdout, stderr: code === 127 ? `${name} is not installed` : stderr })
    })
    child.stdin?.on('error', () => {}) // it may end before it has read everything
    child.stdin?.end(input)
  })
}

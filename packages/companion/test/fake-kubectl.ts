import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** What kubectl says to a command: the first whose pattern fits the arguments, separated by spaces. */
export type Answer = [pattern: RegExp, result: { code?: number, stdout?: string | object, stderr?: string, stays?: boolean }]

/** Puts a kubectl onto the PATH that answers like this, and fails for anything else. Undone by what it returns. */
export function fakeKubectl (...answers: Answer[]): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'fake-kubectl-'))
  const path = process.env['PATH']
  const table = answers.map(([pattern, { stdout = '', ...result }]) => [pattern.source, { ...result, stdout: typeof stdout === 'string' ? stdout : JSON.stringify(stdout) }])
  writeFileSync(join(folder, 'kubectl'), `#!${process.execPath}
const args = process.argv.slice(2).join(' ')
const found = ${JSON.stringify(table)}.find(([pattern]) => new RegExp(pattern).test(args))
const { code = 0, stdout = '', stderr = '', stays = false } = found ? found[1] : { code: 1, stderr: 'unexpected: kubectl ' + args }
process.stdout.write(stdout)
process.stderr.write(stderr)
process.exitCode = code
if (stays) setInterval(() => {}, 1000)
`, { mode: 0o755 })
  process.env['PATH'] = folder + delimiter + path
  return () => {
    process.env['PATH'] = path
    rmSync(folder, { recursive: true })
  }
}

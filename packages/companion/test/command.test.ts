import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { command } from '../src/cluster/command.ts'

test('the result has the exit code and the output of a command that fails', async () => {
  const result = await command('sh', ['-c', 'cat; echo oops >&2; exit 3'], { input: 'hello' })
  expect(result).toEqual({ code: 3, stdout: 'hello', stderr: 'oops\n' })
})

test('a command may end before it has read all of its input', async () => {
  expect(await command('true', [], { input: 'x'.repeat(1_000_000) })).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('a command that is not installed ends with 127', async () => {
  const result = await command('no-such-command', [])
  expect(result).toEqual({ code: 127, stdout: '', stderr: 'no-such-command is not installed', isMissing: true })
})

test('a command that cannot be started ends with 126', async () => {
  const result = await command(fileURLToPath(import.meta.url), [])
  expect(result).toEqual({ code: 126, stdout: '', stderr: expect.stringContaining('EACCES') })
})

test('a command leads its own process group, so Ctrl-C in the terminal does not reach it', async () => {
  const { stdout } = await command('sh', ['-c', 'echo $$ $(ps -o pgid= -p $$)'])
  const [pid, group] = stdout.trim().split(' ')
  expect(group).toBe(pid)
})

test('a signal ends a command and all processes that it has started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'command-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const started = join(folder, 'started')
  const end = new AbortController()
  const ended = command('sh', ['-c', `sleep 1000 & echo $!; echo >${started}; wait`], { signal: end.signal })
  await expect.poll(() => existsSync(started)).toBe(true)
  end.abort()
  const { code, stdout } = await ended // the sleep holds stdout open, so this resolves only when the sleep has ended
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^\d+\n$/)])
})

test('a command whose signal is already aborted is not started', async () => {
  expect(await command('echo', ['started'], { signal: AbortSignal.abort() })).toMatchObject({ code: 1, stdout: '' })
})

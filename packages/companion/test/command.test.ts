import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'

test('a command is run to its end, whatever that is', async () => {
  expect(await command('sh', ['-c', 'cat; echo oops >&2; exit 3'], { input: 'hello' })).toEqual({ code: 3, stdout: 'hello', stderr: 'oops\n' })
})

test('a command that is not installed ends with 127 and says so', async () => {
  expect(await command('no-such-command', [])).toEqual({ code: 127, stdout: '', stderr: 'no-such-command is not installed', isMissing: true })
})

test('one that cannot be started ends with 126', async () => {
  expect(await command(fileURLToPath(import.meta.url), [])).toMatchObject({ code: 126, stderr: expect.stringContaining('EACCES') })
})

test('a signal ends it, with all that it has started', async () => {
  const end = new AbortController()
  const ended = command('sh', ['-c', 'sleep 100 & echo $!; wait'], { signal: end.signal })
  setTimeout(() => end.abort(), 200)
  const { code, stdout } = await ended // it would go on as long as the sleep holds its stdout
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^\d+\n$/)])
})

// A port-forward must not outlive the process that started it, however that process ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const ENDPOINT = fileURLToPath(new URL('../src/cluster/endpoint.ts', import.meta.url))

/** A kubectl whose port-forward lasts longer than the test. It writes its process id to a file beside it. */
const KUBECTL = `#!/bin/sh
echo $$ >"$0.pid"
echo 'Forwarding from 127.0.0.1:7 -> 8080'
exec sleep 1000
`

test.each(['SIGKILL', 'SIGTERM'] as const)('%s ends a process and its port-forward', async signal => {
  const folder = mkdtempSync(join(tmpdir(), 'port-forward-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'kubectl'), KUBECTL, { mode: 0o755 })
  const companion = spawn(process.execPath, ['--input-type=module', '-e', `
    const { startPortForward } = await import('${ENDPOINT}')
    await startPortForward('shop', 'service/catalog', 80)
    console.log('open')
    setInterval(() => {}, 1000)
  `], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}` }
  })
  onTestFinished(() => { companion.kill('SIGKILL') })
  expect(String((await once(companion.stdout, 'data'))[0])).toContain('open')
  const kubectl = Number(readFileSync(join(folder, 'kubectl.pid'), 'utf8'))
  expect(isAlive(kubectl)).toBe(true)
  companion.kill(signal)
  await expect.poll(() => isAlive(kubectl)).toBe(false)
})

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

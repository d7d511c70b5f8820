// A port-forward must not outlive whoever has asked for it, however that one ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fakeKubectl } from './fake-kubectl.ts'

const GATEWAY = fileURLToPath(new URL('../src/cluster/gateway.ts', import.meta.url))

test.each(['SIGKILL', 'SIGTERM'] as const)('it ends with us by %s', async signal => {
  const undo = fakeKubectl([/port-forward/, { stdout: 'Forwarding from 127.0.0.1:7 -> 8080\n', stays: true }])
  const us = spawn(process.execPath, ['--input-type=module', '-e', `
    const { forward } = await import('${GATEWAY}')
    await forward('shop', 'service/catalog', 80)
    console.log('open')
    setInterval(() => {}, 1000)
  `], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    expect(String((await once(us.stdout, 'data'))[0])).toContain('open')
    const kubectl = Number(await grandchild(us.pid as number))
    expect(isAlive(kubectl)).toBe(true)
    us.kill(signal)
    await expect.poll(() => isAlive(kubectl), { timeout: 10_000 }).toBe(false)
  } finally {
    us.kill('SIGKILL')
    undo()
  }
}, 20_000)

/** The kubectl beneath the shell beneath a process. */
async function grandchild (pid: number): Promise<string> {
  const ps = spawn('sh', ['-c', `for shell in $(ps -o pid= --ppid ${pid}); do ps -o pid=,args= --ppid $shell; done | grep fake-kubectl- | awk '{ print $1 }'`], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  ps.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  await once(ps, 'close')
  return said.trim()
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

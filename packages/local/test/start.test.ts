// `npm start` as a person runs it: a real process, the real ports. Where one of them is taken on this machine, only that can be tested.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { isTaken } from '../src/ports.ts'
import { HOST, ROOT, STORE } from '../src/processes.ts'

const free = (await Promise.all(STORE.map(({ port }) => isTaken(port, HOST)))).every(taken => !taken)
if (!free) console.error('SKIPPED: the ports of `npm start` are taken on this machine, so it is not tested here')

let child: ChildProcess
afterEach(async () => {
  if (child.exitCode !== null || child.signalCode !== null) return
  process.kill(-(child.pid as number), 'SIGTERM') // a test has failed: end what it left
  await once(child, 'close')
})

/** Runs the command, and collects what it prints. */
function start () {
  child = spawn('npm', ['start'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const printed = { text: '' }
  child.stdout?.on('data', data => { printed.text += data })
  child.stderr?.on('data', data => { printed.text += data })
  return { printed, exit: once(child, 'close').then(([code]) => code as number) }
}

/** The process that runs a script on behalf of this `npm start`, whatever else runs on this machine. */
async function pidOf (script: string): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='])
  const all = stdout.trim().split('\n').map(line => /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [])
  const parents = new Map(all.map(([, pid, parent]) => [pid, parent]))
  const isOurs = (pid: string | undefined): boolean => pid !== undefined && (Number(pid) === child.pid || isOurs(parents.get(pid)))
  return Number(all.find(([, pid, , args]) => args?.endsWith(script) && isOurs(pid))?.[1])
}

const listeningPorts = async () => (await Promise.all(STORE.map(async ({ port }) => await isTaken(port, HOST) ? port : []))).flat()

describe.skipIf(!free)('npm start', { timeout: 60_000 }, () => {
  test('runs the whole store and says where; Ctrl-C leaves nothing behind', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 40_000 }).toContain('Outfitters is running')
    for (const told of ['http://localhost:8080', 'http://localhost:3000', 'http://localhost:8081', 'curl localhost:8080/api/catalog/items/1']) expect(printed.text).toContain(told)

    const get = (url: string) => fetch(`http://127.0.0.1:${url}`)
    const bodies = await Promise.all(Array.from({ length: 10 }, async () => (await get('8080/api/catalog/items/1')).text()))
    expect(bodies.filter(body => body.includes('imageUrl'))).toHaveLength(5)
    expect(await (await get('8080/')).text()).toContain('catalog answers, forum answers')
    expect((await get('8081/api/users')).status).toBe(200)
    await expect.poll(() => printed.text).toMatch(/webapp +\| .*GET 127\.0\.0\.1:8080\/api\/users|webapp +\| .*GET 127\.0\.0\.1:8080\/ 200/)

    process.kill(-(child.pid as number), 'SIGINT') // a terminal's Ctrl-C goes to the whole group
    await exit
    await expect.poll(listeningPorts, { timeout: 10_000 }).toEqual([])
  })

  // npm hands SIGTERM to its shell, which dies of it and tells nobody.
  test('SIGTERM to npm alone leaves nothing behind either', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 40_000 }).toContain('Outfitters is running')
    child.kill('SIGTERM')
    await exit
    await expect.poll(listeningPorts, { timeout: 10_000 }).toEqual([])
  })

  test('when one service crashes it is told, and the others end', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 40_000 }).toContain('Outfitters is running')
    process.kill(await pidOf('services/forum/src/server.ts'), 'SIGKILL')
    expect(await exit).toBe(1)
    expect(printed.text).toContain('forum ended by itself (SIGKILL); ending the others')
    expect(await listeningPorts()).toEqual([])
  })

  test('a taken port is named, and nothing is started', async () => {
    const server = createServer().listen(8081, HOST)
    await once(server, 'listening')
    const { printed, exit } = start()
    expect(await exit).toBe(1)
    expect(printed.text).toContain('port 8081, where forum would listen, is taken')
    server.close()
    await once(server, 'close')
    expect(await listeningPorts()).toEqual([])
  })
})

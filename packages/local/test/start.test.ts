// Runs `npm start` as a user does, as a real process. It uses free ports, because a store may run on the usual ones.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { freeStorePorts, isTaken } from '../src/ports.ts'
import { ROOT } from '../../../scripts/project.ts'
import { HOST, variableOf } from '../src/processes.ts'

const ports = await freeStorePorts()
const env = Object.fromEntries(Object.entries(ports).map(([name, port]) => [variableOf(name), String(port)]))

let child: ChildProcess
afterEach(async () => {
  if (child.exitCode !== null || child.signalCode !== null) return
  process.kill(-(child.pid as number), 'SIGTERM') // the test has failed, and its store still runs
  await once(child, 'close')
})

/** Runs the command, and collects its output. Its input is closed, or a pipe for commands. */
function start (more: NodeJS.ProcessEnv = {}, input: 'ignore' | 'pipe' = 'ignore') {
  child = spawn('npm', ['start'], {
    cwd: ROOT,
    env: { ...process.env, ...env, ...more },
    stdio: [input, 'pipe', 'pipe'],
    detached: true
  })
  const printed = { text: '' }
  child.stdout?.on('data', data => { printed.text += data })
  child.stderr?.on('data', data => { printed.text += data })
  return { printed, exit: once(child, 'close').then(([code]) => code as number) }
}

/** The process of this `npm start` that runs a script. Other stores on this machine do not count. */
async function pidOf (script: string): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='])
  const all = stdout.trim().split('\n').map(line => /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [])
  const parents = new Map(all.map(([, pid, parent]) => [pid, parent]))
  const isOurs = (pid: string | undefined): boolean =>
    pid !== undefined && (Number(pid) === child.pid || isOurs(parents.get(pid)))
  return Number(all.find(([, pid, , args]) => args?.endsWith(script) && isOurs(pid))?.[1])
}

async function listeningPorts (): Promise<number[]> {
  return (await Promise.all(Object.values(ports).map(async port => await isTaken(port, HOST) ? port : []))).flat()
}

describe('npm start', { timeout: 240_000 }, () => {
  test('runs the whole store and prints its addresses; Ctrl-C ends all processes', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 120_000 }).toContain('Outfitters is running')
    const { webapp, forum } = ports
    const urls = Object.values(ports).map(port => `http://localhost:${port}`)
    for (const text of [...urls, `curl localhost:${webapp}/api/catalog/items/1`]) expect(printed.text).toContain(text)

    const get = (url: string) => fetch(`http://127.0.0.1:${url}`)
    const bodyOf = async (url: string) => (await get(url)).text()
    const bodies = await Promise.all(Array.from({ length: 10 }, () => bodyOf(`${webapp}/api/catalog/items/1`)))
    expect(bodies.filter(body => body.includes('imageUrl'))).toHaveLength(5)
    expect(await (await get(`${webapp}/`)).text()).toContain('catalog answers, forum answers')
    expect((await get(`${forum}/api/users`)).status).toBe(200)
    const logged = /webapp +\| .*GET 127\.0\.0\.1:\d+\/api\/users|webapp +\| .*GET 127\.0\.0\.1:\d+\/ 200/
    await expect.poll(() => printed.text).toMatch(logged)

    process.kill(-(child.pid as number), 'SIGINT') // a terminal sends Ctrl-C to the whole process group
    await exit
    await expect.poll(listeningPorts, { timeout: 60_000 }).toEqual([])
  })

  // npm sends SIGTERM only to its shell, and the shell ends without forwarding it.
  test('SIGTERM to npm ends all processes', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 120_000 }).toContain('Outfitters is running')
    child.kill('SIGTERM')
    await exit
    await expect.poll(listeningPorts, { timeout: 60_000 }).toEqual([])
  })

  test('if a process ends, the terminal says which one and what to do, and the others keep running', async () => {
    const { printed, exit } = start()
    await expect.poll(() => printed.text, { timeout: 120_000 }).toContain('Outfitters is running')
    process.kill(await pidOf('services/forum/src/server.ts'), 'SIGKILL')
    await expect.poll(() => printed.text, { timeout: 60_000 }).toContain('forum ended (SIGKILL). ' +
      'The others are still running. To start it, end the store and run npm start again')
    expect((await fetch(`http://127.0.0.1:${ports.webapp}/api/catalog`)).status).toBe(200)
    process.kill(-(child.pid as number), 'SIGINT')
    await exit
    await expect.poll(listeningPorts, { timeout: 60_000 }).toEqual([])
  })

  test('a version that the user kills and starts again leaves the catalog, and comes back', async () => {
    const { printed, exit } = start({}, 'pipe')
    await expect.poll(() => printed.text, { timeout: 120_000 }).toContain('Outfitters is running')
    const versions = async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () =>
        fetch(`http://127.0.0.1:${ports.webapp}/api/catalog`)))
      return answers.map(({ status, headers }) => `${status} ${headers.get('x-served-version')}`)
    }
    const type = (line: string) => child.stdin?.write(`${line}\n`)
    type('kill v1')
    await expect.poll(() => printed.text, { timeout: 60_000 }).toContain('To start it, type: start v1')
    await expect.poll(versions, { timeout: 60_000 }).toEqual(Array(6).fill('200 v2'))
    type('start v1')
    await expect.poll(versions, { timeout: 60_000 }).toContain('200 v1')
    process.kill(-(child.pid as number), 'SIGINT')
    await exit
    await expect.poll(listeningPorts, { timeout: 60_000 }).toEqual([])
  })

  test('if a port is taken, the message names its process and the variable to set, and nothing starts', async () => {
    const server = createServer().listen(ports.forum, HOST)
    await once(server, 'listening')
    const { printed, exit } = start()
    expect(await exit).toBe(1)
    expect(printed.text).toContain(`port ${ports.forum} for forum is taken`)
    if (await hasLsof()) expect(printed.text).toContain(`(process ${process.pid})`)
    expect(printed.text).toContain('set FORUM_PORT to another port')
    server.close()
    await once(server, 'close')
    expect(await listeningPorts()).toEqual([])
  })

  test('if a process fails while the store starts, the command names it, and ends the others', async () => {
    const { printed, exit } = start({ LOG_LEVEL: 'nonsense' })
    expect(await exit).toBe(1)
    expect(printed.text).toMatch(/(webapp|catalog\S*|forum) ended \(exit code 1\); ending the others/)
    expect(await listeningPorts()).toEqual([])
  })

  test('if ports are wrong, the message names all of them, and nothing starts', async () => {
    const { printed, exit } = start({ WEBAPP_PORT: 'tcp://10.0.0.1:80', FORUM_PORT: '70000' })
    expect(await exit).toBe(1)
    expect(printed.text).toContain("WEBAPP_PORT must be a port from 1 to 65535, but is 'tcp://10.0.0.1:80'")
    expect(printed.text).toContain("FORUM_PORT must be a port from 1 to 65535, but is '70000'")
    expect(await listeningPorts()).toEqual([])
  })
})

/** Whether this machine has lsof, which shows the process that listens on a port. */
function hasLsof (): Promise<boolean> {
  return promisify(execFile)('lsof', ['-v']).then(() => true, () => false)
}

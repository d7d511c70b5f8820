// The commands of the README files, on the Node of this machine: 20 is the oldest one that the README promises.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ROOT, SERVICES } from '../../../scripts/project.ts'
import { HOST, portsFrom, variableOf } from '../src/processes.ts'
import { freeStorePorts, machineEnv } from './machine.ts'

interface Command {
  file: string
  text: string
}

const files = ['README.md', ...['docs', 'k8s', 'observability', 'packages', 'scripts', 'services'].flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(file => join(folder, file)).filter(file => file.endsWith('.md') && !file.includes('node_modules')))]

/** The indented lines of a file, those of its fenced shell blocks, both without their comments, and what stands between backticks. */
function commandsOf (file: string): Command[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const fenced = Array.from(text.matchAll(/^```(?:sh|bash|console)?\n([^]*?)^```/gm), ([, block = '']) => block.split('\n')).flat()
  const indented = Array.from(text.matchAll(/^ {4}(\S.*)$/gm), ([, line = '']) => line)
  const inline = Array.from(text.matchAll(/`([^`\n]+)`/g), ([, code = '']) => code)
  return [...fenced, ...indented, ...inline].map(line => ({ file, text: line.replace(/ # .*/, '').trim() }))
}

const commands = files.flatMap(commandsOf)
const scriptsOf = (folder: string) => (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts

let child: ChildProcess | undefined
async function end () {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-(child.pid as number), 'SIGTERM')
  await once(child, 'close')
}

/** Runs a command as a person in the project's root would, until it is ended. What it prints is shown when it is not as expected. */
function runs (command: string, env: NodeJS.ProcessEnv): { printed: string } {
  const printed = { printed: '' }
  child = spawn('sh', ['-c', command], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  child.stdout?.on('data', data => { printed.printed += data })
  child.stderr?.on('data', data => { printed.printed += data })
  return printed
}

const answers = (url: string) => fetch(url).then(({ ok }) => ok, () => false)

test('there are commands to check', () => {
  expect(commands.map(({ text }) => text)).toEqual(expect.arrayContaining(['npm start', 'npm test', 'npm run e2e', 'npm run images -- --load']))
})

test('none runs a tool that only some machines have in the needed version', () => {
  const tools = /(^|[;&|] *|(\w+=\S* )+)(node|npx|turbo|vitest|tsc|eslint) [\w.@/-]/
  expect(commands.filter(({ text }) => tools.test(text))).toEqual([])
})

test('each npm script is there, and installs what it needs', () => {
  const mentions = commands.flatMap(({ file, text }) => Array.from(text.matchAll(/\bnpm (?:(start|test)|run (?:--silent )?([\w:-]+))\b(?:.* --workspace[ =](\S+))?/g),
    ([, direct, named, workspace = '.']) => ({ file, workspace, name: direct ?? named ?? '' })))
  expect(mentions.length).toBeGreaterThan(20)
  for (const { file, workspace, name } of mentions) {
    expect(scriptsOf(workspace)[name], `npm run ${name} in ${file}`).toMatch(/^node \S*scripts\/installed\.mjs /)
  }
})

describe('services by themselves', { timeout: 60_000 }, () => {
  afterEach(end)
  const starts = commands.filter(({ text }) => /\bnpm start --workspace\b/.test(text) && !text.startsWith('npm start'))
    .concat(commands.filter(({ text }) => text.startsWith('npm start --workspace')))

  test('each service has one', () => {
    expect(new Set(starts.map(({ text }) => /--workspace (\S+)/.exec(text)?.[1]))).toEqual(new Set(SERVICES.map(name => `services/${name}`)))
  })

  test.each(starts)('$text', async ({ text }) => {
    const { webapp: port } = await freeStorePorts()
    const output = runs(text.replace(/\bPORT=\d+/, `PORT=${port}`), machineEnv({ PORT: String(port), HOST }))
    await expect.poll(() => answers(`http://${HOST}:${port}/readyz`), { timeout: 40_000 }).toBe(true).catch(error => { throw new Error(output.printed, { cause: error }) })
  })
})

describe('what the README shows of the store', { timeout: 60_000 }, () => {
  let ports: Awaited<ReturnType<typeof freeStorePorts>>
  beforeEach(async () => {
    ports = await freeStorePorts()
    const output = runs('npm start', machineEnv(Object.fromEntries(Object.entries(ports).map(([name, port]) => [variableOf(name), String(port)]))))
    await expect.poll(() => output.printed, { timeout: 40_000 }).toContain('Outfitters is running')
  }, 60_000)
  afterEach(end)

  test('the curl lines before the containers work as they are, on other ports', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const lines = Array.from(readme.slice(0, readme.indexOf('## Run it in containers')).matchAll(/^ {4}(curl .*)$/gm), ([, line = '']) => line)
    expect(lines.length).toBeGreaterThan(3)
    const moved = new Map(Object.entries(portsFrom({})).map(([name, usual]) => [String(usual), String(ports[name as keyof typeof ports])]))
    for (const line of lines) {
      const command = line.replaceAll(/(?<=localhost:)\d+/g, usual => moved.get(usual) ?? usual).replace(/^curl/, 'curl --silent --show-error')
      const { stdout } = await promisify(execFile)('sh', ['-c', command])
      expect(stdout, line).not.toMatch(/"statusCode"|Route .* not found/)
    }
  })
})

test('the exercises are listed without a cluster', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'exercise'], { cwd: ROOT, env: machineEnv({ KUBECONFIG: join(dirname(ROOT), 'no-such-file') }) })
  expect(stdout).toContain('ch2.retry')
})

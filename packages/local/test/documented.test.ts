// Runs the commands of the Markdown files on the Node of this machine. The README promises that they work on Node 20.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ROOT, SERVICES } from '../../../scripts/project.ts'
import { HOST, portsFrom, variableOf } from '../src/processes.ts'
import { freeStorePorts } from '../src/ports.ts'
import { machineEnv } from './machine.ts'

interface Command {
  file: string
  text: string
}

const FOLDERS = ['docs', 'k8s', 'observability', 'packages', 'scripts', 'services']
const files = ['README.md', 'CONTRIBUTING.md', ...FOLDERS.flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md') && !file.includes('node_modules'))
    .map(file => join(folder, file)))]

/** The commands of a file: its indented lines and fenced shell blocks, without comments, and the texts in backticks. */
function commandsOf (file: string): Command[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const blocks = Array.from(text.matchAll(/^```(?:sh|bash|console)?\n([^]*?)^```/gm), ([, block = '']) => block)
  const fenced = blocks.flatMap(block => block.split('\n'))
  const indented = Array.from(text.matchAll(/^ {4}(\S.*)$/gm), ([, line = '']) => line)
  const inline = Array.from(text.matchAll(/`([^`\n]+)`/g), ([, code = '']) => code)
  return [...fenced, ...indented, ...inline].map(line => ({ file, text: line.replace(/ # .*/, '').trim() }))
}

const commands = files.flatMap(commandsOf)

function scriptsOf (folder: string): Record<string, string> {
  const manifest = readFileSync(join(ROOT, folder, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { scripts: Record<string, string> }).scripts
}

let child: ChildProcess | undefined
async function end () {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-(child.pid as number), 'SIGTERM')
  await once(child, 'close')
}

/** Starts a command in the root of the project, and collects its output. It runs until `end`. */
function start (command: string, env: NodeJS.ProcessEnv): { printed: string } {
  const output = { printed: '' }
  child = spawn('sh', ['-c', command], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  child.stdout?.on('data', data => { output.printed += data })
  child.stderr?.on('data', data => { output.printed += data })
  return output
}

const isReady = (url: string) => fetch(url).then(({ ok }) => ok, () => false)

test('the search finds the commands', () => {
  const expected = ['npm start', 'npm test', 'npm run e2e', 'npm run images -- --load']
  expect(commands.map(({ text }) => text)).toEqual(expect.arrayContaining(expected))
})

test('no command needs a tool that npm has not installed', () => {
  const tools = /(^|[;&|] *|(\w+=\S* )+)(node|npx|turbo|vitest|tsc|eslint) [\w.@/-]/
  expect(commands.filter(({ text }) => tools.test(text))).toEqual([])
})

test('each npm script exists, and installs what it needs', () => {
  const script = /\bnpm (?:(start|test)|run (?:--silent )?([\w:-]+))\b(?:.* --workspace[ =](\S+))?/g
  const mentions = commands.flatMap(({ file, text }) => Array.from(text.matchAll(script),
    ([, direct, named, workspace = '.']) => ({ file, workspace, name: direct ?? named ?? '' })))
  expect(mentions.length).toBeGreaterThan(20)
  for (const { file, workspace, name } of mentions) {
    expect(scriptsOf(workspace)[name], `npm run ${name} in ${file}`).toMatch(/^node \S*scripts\/installed\.mjs /)
  }
})

describe('a single service', { timeout: 240_000 }, () => {
  afterEach(end)
  const starts = commands.filter(({ text }) => /\bnpm start --workspace\b/.test(text) && !text.startsWith('npm start'))
    .concat(commands.filter(({ text }) => text.startsWith('npm start --workspace')))

  test('the files show a command for each service', () => {
    const workspaces = new Set(starts.map(({ text }) => /--workspace (\S+)/.exec(text)?.[1]))
    expect(workspaces).toEqual(new Set(SERVICES.map(name => `services/${name}`)))
  })

  test.each(starts)('$text', async ({ text }) => {
    const { webapp: port } = await freeStorePorts()
    const output = start(text.replace(/\bPORT=\d+/, `PORT=${port}`), machineEnv({ PORT: String(port), HOST }))
    await expect.poll(() => isReady(`http://${HOST}:${port}/readyz`), { timeout: 120_000 }).toBe(true)
      .catch(error => { throw new Error(output.printed, { cause: error }) })
  })
})

describe('the store', { timeout: 240_000 }, () => {
  let ports: Awaited<ReturnType<typeof freeStorePorts>>
  beforeEach(async () => {
    ports = await freeStorePorts()
    const variables = Object.entries(ports).map(([name, port]) => [variableOf(name), String(port)])
    const output = start('npm start', machineEnv(Object.fromEntries(variables)))
    await expect.poll(() => output.printed, { timeout: 120_000 }).toContain('Outfitters is running')
  }, 240_000)
  afterEach(end)

  test('answers the curl commands of the README, up to its section about containers', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const section = readme.slice(0, readme.indexOf('## Run it in containers'))
    const lines = Array.from(section.matchAll(/^ {4}(curl .*)$/gm), ([, line = '']) => line)
    expect(lines.length).toBeGreaterThan(3)
    const moved = new Map(Object.entries(portsFrom({})).map(([name, usual]) =>
      [String(usual), String(ports[name as keyof typeof ports])]))
    for (const line of lines) {
      const command = line.replaceAll(/(?<=localhost:)\d+/g, usual => moved.get(usual) ?? usual)
        .replace(/^curl/, 'curl --silent --show-error')
      const { stdout } = await promisify(execFile)('sh', ['-c', command])
      expect(stdout, line).not.toMatch(/"statusCode"|Route .* not found/)
    }
  })
})

test('the exercises are listed without a cluster', { timeout: 240_000 }, async () => {
  const env = machineEnv({ KUBECONFIG: join(dirname(ROOT), 'no-such-file') })
  const { stdout } = await promisify(execFile)('npm', ['run', 'exercise'], { cwd: ROOT, env })
  expect(stdout).toContain('ch2.retry')
})

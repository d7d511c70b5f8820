// Installs into a copy of the project that is like a clean clone. It uses the Node of this machine, and no install
// scripts. The name of its folder has a space and a letter outside of ASCII. npm takes the packages from its cache or
// from the registry.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'
import { HOST } from '../src/processes.ts'
import { freeStorePorts } from '../src/ports.ts'
import { machineEnv } from './machine.ts'

const NOT_CLONED = new Set(['node_modules', '.node', '.git', '.turbo', '.reports', '.installing'])

let folder: string
let clone: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'outfitters ö '))
  clone = join(folder, 'clone')
  cpSync(ROOT, clone, { recursive: true, filter: source => !NOT_CLONED.has(basename(source)) })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts a command in the copy, in its own process group. */
function start (command: string, args: string[], more: NodeJS.ProcessEnv = {}): ChildProcess {
  const env = machineEnv({ npm_config_ignore_scripts: 'true', ...more })
  return spawn(command, args, { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
}

/** Runs a command in the copy to its end. Returns its output and its exit code. */
async function run (command: string, args: string[]) {
  const child = start(command, args)
  const outputOf = (stream: 'stdout' | 'stderr') => text(child[stream] as NodeJS.ReadableStream)
  const [[code], printed, errors] = await Promise.all([once(child, 'close'), outputOf('stdout'), outputOf('stderr')])
  return { code: code as number, printed: printed + errors }
}

const withNeeds = (needs: string) =>
  run('node', ['scripts/installed.mjs', needs, 'node', '-p', '"it ran on " + process.version'])
const inModules = (...parts: string[]) => join(clone, 'node_modules', ...parts)

describe('a clean clone', { timeout: 600_000 }, () => {
  test('an installation that is killed does not count', async () => {
    const child = start('node', ['scripts/installed.mjs', 'services/catalog', 'node', '--version'])
    await expect.poll(() => existsSync(join(clone, '.installing')), { timeout: 60_000 }).toBe(true)
    process.kill(-(child.pid as number), 'SIGKILL')
    await once(child, 'close')
    expect(existsSync(inModules('.package-lock.json'))).toBe(false)
  })

  test('two commands at once install what both need, without development tools, and run on Node 24', async () => {
    const both = await Promise.all([withNeeds('services/catalog'), withNeeds('services/forum')])
    for (const { code, printed } of both) {
      expect(printed).toMatch(/it ran on v(2[4-9]|[3-9]\d)\./)
      expect(code).toBe(0)
    }
    expect(both.filter(({ printed }) => printed.includes('waiting for it'))).toHaveLength(1)
    expect(existsSync(inModules('fastify'))).toBe(true)
    for (const tool of ['vitest', 'eslint', 'turbo', 'typescript', 'node', 'autocannon']) {
      expect(existsSync(inModules(tool)), tool).toBe(false)
    }
    expect(existsSync(join(clone, '.installing'))).toBe(false)
  })

  test('a service runs', async () => {
    const { catalog: port } = await freeStorePorts()
    const child = start('npm', ['start', '--workspace', 'services/catalog'], { PORT: String(port), HOST })
    const statusOf = (url: string) => fetch(url).then(({ status }) => status, () => 0)
    await expect.poll(() => statusOf(`http://${HOST}:${port}/items`), { timeout: 120_000 }).toBe(200)
    process.kill(-(child.pid as number), 'SIGTERM')
    await once(child, 'close')
  })

  test('the packages for another command are added once', async () => {
    const before = statSync(inModules('fastify', 'package.json'))
    const { code, printed } = await withNeeds('packages/bench')
    expect(printed).toContain('Installing what packages/bench needs')
    expect(code).toBe(0)
    expect(existsSync(inModules('autocannon'))).toBe(true)
    expect(statSync(inModules('fastify', 'package.json')).ino).toBe(before.ino)
    for (const needs of ['packages/bench', 'services/catalog,services/forum']) {
      expect((await withNeeds(needs)).printed).not.toContain('Installing')
    }
  })

  test('if the record of npm is incomplete, everything is installed again', async () => {
    truncateSync(inModules('.package-lock.json'), 1000)
    const { code, printed } = await withNeeds('services/catalog')
    expect(printed).toMatch(/Installing what services\/catalog needs[^]*it ran on/)
    expect(code).toBe(0)
  })
})

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ROOT } from '../../../scripts/project.ts'
import { HOST } from '../../local/src/processes.ts'
import { ABOUT_SERVICE } from './document.ts'
import type { Target } from './target.ts'

const VERSION = '4.32.5'
const CACHE = join(ROOT, 'node_modules/.cache/fuzz')
const ENVIRONMENT = join(CACHE, `schemathesis-${VERSION}`)
/** Exists when the installation is complete. */
const INSTALLED = join(ENVIRONMENT, 'installed')
const CONFIG = join(import.meta.dirname, '../schemathesis.toml')

/** The runs of one service. Each finds new cases, but the operations of the forum have few. */
const MAX_RUNS = 20

/** Schemathesis cannot be installed here. The message says what to install. */
export class NoSchemathesis extends Error {
  override name = 'NoSchemathesis'
}

/**
 * Installs Schemathesis into a virtual environment of its own, if it is not there yet.
 *
 * @throws {NoSchemathesis} if Python is missing or cannot install it
 */
export function ensureSchemathesis (): void {
  if (existsSync(INSTALLED)) return
  rmSync(ENVIRONMENT, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  console.log(`Installing Schemathesis ${VERSION} …`)
  runOrExplain('python3', ['-m', 'venv', ENVIRONMENT],
    'Install Python 3.10 or newer and its module venv: on Debian and Ubuntu, apt install python3 python3-venv; ' +
    'on macOS, brew install python3.')
  const pip = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`]
  runOrExplain(join(ENVIRONMENT, 'bin/pip'), pip, 'Check that pip reaches PyPI, and that Python is 3.10 or newer.')
  writeFileSync(INSTALLED, '')
}

function runOrExplain (command: string, args: string[], advice: string): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  const reason = error?.message ?? `${stdout}${stderr}`.trim()
  throw new NoSchemathesis(`Schemathesis cannot be installed, because ${command} failed: ${reason}\n${advice}`)
}

interface Report {
  test_cases: { generated: number }
  failures: { operation?: string, title?: string, message?: string }[]
  errors: { message?: string }[]
}

/**
 * Runs Schemathesis against the OpenAPI document of a service until it has sent at least `cases` requests. First come
 * the operations of the store, then those about the service itself, because faults would hit the former.
 *
 * @returns the number of requests, and the output of each run that found something
 */
export async function runSchemathesis (
  { name, port }: Target, { cases, seed }: { cases: number, seed: number }
): Promise<{ sent: number, found: string[] }> {
  const found: string[] = []
  let sent = 0
  for (let run = 0; run < MAX_RUNS && (run < 2 || sent < cases); run++) {
    const selection = run === 0 ? '--exclude-path-regex' : '--include-path-regex'
    const file = join(CACHE, `${name}.json`)
    rmSync(file, { force: true })
    const printed = await outputOf(join(ENVIRONMENT, 'bin/st'), [
      '--config-file', CONFIG, 'run', `http://${HOST}:${port}/docs/json`, selection, ABOUT_SERVICE.source,
      '--seed', String(seed + run), '--max-examples', String(Math.ceil(cases / 20)), '--continue-on-failure',
      '--no-color', '--warnings', 'off', '--report', 'json', '--report-json-path', file
    ])
    const { test_cases: { generated }, failures, errors } = JSON.parse(readFileSync(file, 'utf8')) as Report
    sent += generated
    if (failures.length + errors.length > 0) found.push(printed)
  }
  return { sent, found }
}

/** What a command prints. It runs beside this process, which reads the logs of the services meanwhile. */
async function outputOf (command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { cwd: CACHE, stdio: ['ignore', 'pipe', 'pipe'] })
  const [printed, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return printed + errors
}

// .ci/kind with a stand-in for the kind lab.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ROOT } from '../src/cluster/command.ts'

/** Where .ci/kind looks for the lab, from the root of the project. */
const [, beside = ''] = /^kindlab=(.+)$/m.exec(readFileSync(join(ROOT, '.ci/kind'), 'utf8')) ?? []

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'kind-in-ci-')) })
afterEach(() => rmSync(folder, { recursive: true }))

/** A lab whose commands end with these codes, and a chapter 2 that prints this. */
interface Lab { built?: boolean, image?: number, up?: number, cluster?: number, exercise?: number, report?: object }

/** The copy of .ci/kind beside such a lab, or beside none. */
function scriptBeside (lab: Lab | undefined): string {
  const script = join(folder, 'project/.ci/kind')
  mkdirSync(dirname(script), { recursive: true })
  cpSync(join(ROOT, '.ci/kind'), script)
  if (lab !== undefined) make(lab)
  return script
}

/** What .ci/kind prints beside such a lab, or beside none. */
function kind (lab: Lab | undefined): string[] {
  const { status, stdout } = spawnSync(scriptBeside(lab), { encoding: 'utf8' })
  expect(status).toBe(0)
  return stdout.trimEnd().split('\n')
}

function make ({ built = true, image = 0, up = 0, cluster = 0, exercise = 0, report = {} }: Lab): void {
  const place = join(folder, 'project', beside)
  const bin = join(folder, 'data/bin')
  mkdirSync(place, { recursive: true })
  mkdirSync(bin, { recursive: true })
  const script = (path: string, text: string) => writeFileSync(path, `#!/usr/bin/env bash\n${text}\n`, { mode: 0o755 })
  writeFileSync(join(place, 'env'), `KINDLAB=${folder}/data NODE_IMAGE=kindest/node:lab\n`)
  for (const name of ['addons', 'down']) script(join(place, name), '')
  script(join(place, 'up'), `exit ${up}`)
  if (built) script(join(bin, 'kind'), '')
  script(join(place, 'engine'), `case "$*" in
  'run docker image inspect kindest/node:lab') exit ${image} ;;
  'run scripts/cluster.sh up --without-addons')
    [ "$KIND_NODE_IMAGE" = kindest/node:lab ] && exit ${cluster} || exit 9 ;;
  'run npm run --silent exercise -- ch2 --json') echo '${JSON.stringify(report)}'; exit ${exercise} ;;
esac`)
}

test.each<[string, Lab | undefined]>([
  ['There is no kind lab beside this checkout.', undefined],
  ['The kind lab has not been built on this machine.', { built: false }],
  ['The kind lab on this machine has no node image.', { image: 1 }]
])('.ci/kind prints a notice that it tested nothing: %s', (why, lab) => {
  const lines = kind(lab)
  expect(lines).toContain('##  NOT TESTED: cluster.sh and chapter 2 in kind')
  expect(lines).toContain(`##  ${why}`)
  expect(lines.at(-1)).toBe('0 passed, 0 failed')
})

test.each<[string, Lab, string]>([
  ['all pass', { report: { passed: 8, failed: 0, notJudged: 0 } }, '8 passed, 0 failed'],
  ['some fail', { exercise: 1, report: { passed: 6, failed: 2, notJudged: 0 } }, '6 passed, 2 failed'],
  [
    'some are not judged, which is no failure',
    { exercise: 4, report: { passed: 6, failed: 0, notJudged: 2 } },
    '6 passed, 0 failed, 2 skipped'
  ],
  ['none is judged', { exercise: 4, report: { passed: 0, failed: 0, notJudged: 8 } }, '0 passed, 1 failed'],
  ['they end early', { exercise: 3, report: { passed: 3, failed: 0, notJudged: 0 } }, '3 passed, 1 failed'],
  ['they cannot run', { exercise: 3, report: { passed: 0, failed: 0, notJudged: 0 } }, '0 passed, 1 failed'],
  ['cluster.sh up fails', { cluster: 1 }, '0 passed, 1 failed'],
  ['the lab does not start', { up: 1 }, '0 passed, 1 failed']
])('the last line of .ci/kind has the counts for chapter 2: %s', (_, lab, counts) => {
  expect(kind(lab).at(-1)).toBe(counts)
})

test('chapter 2, which measures, begins only when the file that .ci/kind is called with no longer exists', async () => {
  const busy = join(folder, 'busy')
  writeFileSync(busy, '')
  const script = scriptBeside({ report: { passed: 8, failed: 0, notJudged: 0 } })
  const child = spawn(script, [busy], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  await vi.waitFor(() => expect(said).toContain('cluster.sh up took'), { timeout: 30_000 })
  await sleep(500)
  expect(said).not.toContain('chapter 2 took')
  rmSync(busy)
  await ended
  expect(said).toMatch(/chapter 2 took .*\n8 passed, 0 failed\n$/)
})

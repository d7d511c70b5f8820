// The companion as a process: its output, its exit codes and its signals. args.test.ts has the command line, and
// report.test.ts has what the reporters print.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { course } from '../src/course/registry.ts'
import { listAsJson } from '../src/report/list.ts'
import { fakeKubectl, INGRESS_SERVICE, MESH, type Answer } from './fake-kubectl.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const exercise = (...args: string[]) => command('node', [CLI, ...args])

/** The companion on a machine without kubectl. */
const exerciseWithoutKubectl = (...args: string[]) => command('env', ['PATH=/nowhere', process.execPath, CLI, ...args])

/** The companion with a kubectl that gives these answers, and otherwise those of a working mesh. */
async function exerciseIn (answers: Answer[], ...args: string[]) {
  onTestFinished(fakeKubectl(...answers, ...MESH))
  return await exercise(...args)
}

/** A mesh without the add-on that ch2.observe needs. */
const WITHOUT_TRACING: Answer = [/get service tracing/, {}]

test('--json without exercises lists them as JSON', async () => {
  const { code, stdout } = await exercise('--json')
  expect([code, stdout]).toEqual([0, `${listAsJson(course)}\n`])
})

test('--help prints the usage', async () => {
  const { code, stdout } = await exercise('--help')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^usage: npm run exercise/)])
})

test('invalid arguments: exit code 2, the mistakes and the usage', async () => {
  const { code, stdout, stderr } = await exercise('ch2', '--reset', '--host', 'localhost', '--json')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^--reset runs no exercise.*\n--host must be.*'localhost'\n\nusage: npm run exercise/)
})

describe('where the exercises cannot run, the exit code is 3', () => {
  test('as text: the reason, and nothing else', async () => {
    const { code, stdout, stderr } = await exerciseWithoutKubectl('ch2.chaos')
    expect([code, stdout, stderr]).toEqual([3, '', expect.stringMatching(/^kubectl is not installed/)])
  })

  test.each([
    [['ch2.chaos', 'ch2.retry', '--namespace', 'shop'], 2],
    [['--reset'], 0]
  ])('as JSON: %j', async (args, notRun) => {
    const { code, stdout } = await exerciseWithoutKubectl(...args, '--json')
    const counts = { passed: 0, failed: 0, notJudged: 0, notRun }
    const error = expect.stringContaining('kubectl is not installed')
    expect([code, JSON.parse(stdout)]).toEqual([3, { ...counts, results: [], error }])
  })
})

describe('the suggested commands have the options of the call', () => {
  const place = ['--namespace', 'shop', '--host', 'shop.example']

  test('after a run with --keep that failed', async () => {
    const { code, stdout } = await exerciseIn([WITHOUT_TRACING], 'ch2.observe', '--keep', ...place)
    expect(code).toBe(1)
    expect(stdout).toContain(`To look deeper: npm run exercise -- ch2.observe --keep ${place.join(' ')}, and then`)
    expect(stdout).toContain(`To restore what was there before: npm run exercise -- --reset ${place.join(' ')}\n`)
  })

  test('if not everything could be restored', async () => {
    const answers: Answer[] = [WITHOUT_TRACING, [/ delete secret/, { code: 1, stderr: 'no' }]]
    const { code, stderr } = await exerciseIn(answers, 'ch2.observe', ...place)
    expect(code).toBe(3)
    expect(stderr).toContain(`To try again: npm run exercise -- --reset ${place.join(' ')}\n`)
  })
})

test('exercises that the Gateway API cannot do are named, and the others run', async () => {
  const args = ['ch2.deploy', 'ch2.chaos', '--api', 'gateway', '--namespace', 'shop']
  const { code, stderr } = await exerciseIn([], ...args)
  expect(code).toBe(3)
  expect(stderr).toMatch(/^Left out, because the Gateway API cannot do them: ch2\.deploy\n/)
  expect(stderr).toContain('The cluster does not have the Gateway API')
})

describe('exercises that did not run have not failed', () => {
  const three = ['ch2.observe', 'ch2.chaos', 'ch2.retry', '--namespace', 'shop']
  // The first one lacks an add-on. In the second one, the port-forward to the gateway fails, which ends the run.
  const cutOff: Answer[] = [WITHOUT_TRACING, [/port-forward/, { code: 1, stderr: 'no' }]]

  test('as JSON, and as JUnit XML in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'junit-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'exercises.xml')
    const { code, stdout } = await exerciseIn(cutOff, ...three, '--json', '--junit', file)
    expect([code, JSON.parse(stdout)]).toMatchObject([3, {
      passed: 0,
      failed: 1,
      notRun: 2,
      results: [{ id: 'ch2.observe', verdict: 'error' }],
      error: expect.stringContaining('ingress gateway')
    }])
    const xml = readFileSync(file, 'utf8')
    expect(xml).toMatch(/<testsuite name="ch2" tests="3" failures="0" errors="1" time="\d+\.\d{3}" skipped="2">/)
    expect(xml).toMatch(/<testcase classname="run" name="the run" time="0\.000">\n +<error message="/)
  })

  test('after Ctrl-C', async () => {
    onTestFinished(fakeKubectl(WITHOUT_TRACING, [/ apply /, { stays: true }], ...MESH))
    const child = spawn('node', [CLI, ...three], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let isInterrupted = false // a second signal could come when the program no longer handles it
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (isInterrupted || !/ch2\.chaos [^]* apply /.test(said)) return
      isInterrupted = child.kill('SIGINT')
    })
    const [code] = await once(child, 'close')
    expect([code, said]).toEqual([130, expect.stringContaining('\n0 passed, 1 failed, 2 not run\n')])
  })
})

test.each([
  ['cannot be written', join(CLI, 'exercises.xml'), /^--junit cannot write the file .*cli\.ts\/exercises\.xml: /],
  ['has no folder', '/nonexistent/a.xml', /the folder \/nonexistent does not exist\. .* mkdir -p \/nonexistent\n/]
])('if the file of --junit %s, nothing is done', async (_, file, mistake) => {
  const { code, stdout, stderr } = await exerciseWithoutKubectl('ch2.chaos', '--junit', file)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(mistake)
  expect(stderr).toContain('\n\nusage: ')
  expect(existsSync(file)).toBe(false)
})

test('if the results cannot be written at the end, the JSON is complete, and the exit code is 3', {
  skip: !existsSync('/dev/full')
}, async () => {
  const { code, stdout, stderr } = await exerciseWithoutKubectl('ch2.chaos', '--json', '--junit', '/dev/full')
  expect([code, JSON.parse(stdout)]).toMatchObject([3, { notRun: 1 }])
  expect(stderr).toMatch(/^The results could not be written to \/dev\/full: ENOSPC.*\n.* run the exercises again\.\n$/)
})

test('with two ingress gateways it asks which one to use, and changes nothing', async () => {
  const edge = { ...INGRESS_SERVICE, metadata: { name: 'edge', namespace: 'istio-system' } }
  const answers: Answer[] = [
    [/^get services -A/, { stdout: { items: [INGRESS_SERVICE, edge] } }],
    [/create|apply|delete|label/, { code: 1, stderr: 'nothing may change' }]
  ]
  const { code, stdout, stderr } = await exerciseIn(answers, 'ch2.chaos', '--namespace', 'shop')
  expect([code, stdout]).toEqual([3, expect.stringContaining('0 passed, 0 failed, 1 not run')])
  const [question, ...choices] = stderr.trim().split('\n')
  expect(question).toBe('There are 2 ingress gateways. Which one should the exercises use?')
  expect(choices.map(line => /--gateway (\S+)/.exec(line)?.[1]))
    .toEqual(['istio-system/edge', 'istio-system/istio-ingressgateway'])
})

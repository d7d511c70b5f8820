import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'
import { course } from '../src/course/registry.ts'
import { fakeKubectl, INGRESS_SERVICE, MESH, type Answer } from './fake-kubectl.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const exercise = (...args: string[]) => command('node', [CLI, ...args])

test('without a name it lists the exercises', async () => {
  const { code, stdout } = await exercise()
  expect(code).toBe(0)
  for (const { id, title } of course) expect(stdout).toMatch(new RegExp(`${id} +${title}`))
})

test('the list as JSON: id, title, needs', async () => {
  const { code, stdout } = await exercise('--json')
  expect([code, JSON.parse(stdout)]).toEqual([0, course.map(({ id, title, needs, istio }) => ({ id, title, needs, istio }))])
})

test('--help', async () => {
  const { code, stdout } = await exercise('--help')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^usage: npm run exercise/)])
})

describe('a call that makes no sense ends with 2, everything wrong with it, and the usage', () => {
  test.each([
    [['ch2.rety'], /there is no exercise or chapter ch2\.rety/],
    [['--from', 'ch2.rety'], /there is no exercise or chapter ch2\.rety/],
    [['ch2', '--everything'], /Unknown option '--everything'/],
    [['ch2', '--all'], /--all runs every exercise; name none/],
    [['ch2', '--reset'], /--reset runs no exercise; name none/],
    [['--keep', '--host', 'shop.example'], /--keep belongs to a run[^]*--host belongs to a run/],
    [['--namespace', 'shop', '--api', 'gateway'], /--namespace belongs to a run[^]*--api belongs to a run/],
    [['ch2', '--gateway', 'istio-ingress'], /--gateway must be NAMESPACE\/NAME .* but is 'istio-ingress'/],
    [['ch2', '--gateway', 'a/b', '--api', 'gateway'], /--gateway cannot be used with --api gateway/],
    [['--reset', '--keep'], /--keep belongs to a run/],
    [['--from', 'ch14', '--api', 'gateway'], /^ch14\.ratelimit, ch14\.lua, ch14\.tap cannot be done by the Gateway API; these can: ch2\.gateway/],
    [['ch2', '--namespace', 'My_Shop', '--host', 'localhost', '--json', '--step'], /--json.*--step[^]*--namespace.*'My_Shop'[^]*--host.*'localhost'/]
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await exercise(...args)
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)])
    expect(stderr).toContain('usage: npm run exercise')
  })
})

test('where the exercises cannot run it ends with 3; as JSON, the reason is in it', async () => {
  const { code, stdout } = await command('env', ['PATH=/nowhere', process.execPath, CLI, 'ch2.chaos', '--namespace', 'shop', '--json'])
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, notJudged: 0, notRun: 1, results: [], error: expect.stringContaining('kubectl is not installed') }])
})

test.each([['ch2.chaos', '--json'], ['--reset', '--json']])('so it does without --namespace: %s', async (...args) => {
  const { code, stdout } = await command('env', ['PATH=/nowhere', process.execPath, CLI, ...args])
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, notJudged: 0, notRun: args.includes('--reset') ? 0 : 1, results: [], error: expect.stringContaining('kubectl is not installed') }])
})

describe('what it tells to do has the options of the call', () => {
  const place = ['--namespace', 'shop', '--host', 'shop.example']

  test('after a run with --keep that failed', async () => {
    const { code, stdout } = await withKubectl([[/get service tracing/, {}]], 'ch2.observe', '--keep', ...place)
    expect([code, stdout]).toEqual([1, expect.stringContaining(`To look deeper: npm run exercise -- ch2.observe --keep ${place.join(' ')}, and then`)])
    expect(stdout).toContain(`npm run exercise -- --reset ${place.join(' ')} brings back`)
  })

  test('and where not everything could be brought back', async () => {
    const { code, stderr } = await withKubectl([[/get service tracing/, {}], [/ delete secret/, { code: 1, stderr: 'no' }]], 'ch2.observe', ...place)
    expect([code, stderr]).toEqual([3, expect.stringContaining(`npm run exercise -- --reset ${place.join(' ')} tries again`)])
  })
})

describe('what has no twin is not done by the Gateway API', () => {
  test('it is named, and the others run', async () => {
    const { code, stderr } = await withKubectl([], 'ch2.deploy', 'ch2.chaos', '--api', 'gateway', '--namespace', 'shop')
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^Left out, since they have no twin for the Gateway API: ch2\.deploy\n[^]*The cluster does not have the Gateway API/)])
  })

  test('as JSON it is in there', async () => {
    const { stdout, stderr } = await withKubectl([], 'ch2.deploy', 'ch2.chaos', '--api', 'gateway', '--namespace', 'shop', '--json')
    expect([JSON.parse(stdout), stderr]).toEqual([expect.objectContaining({ leftOut: ['ch2.deploy'] }), ''])
  })
})

describe('exercises that were not run have not failed', () => {
  const three = ['ch2.observe', 'ch2.chaos', 'ch2.retry', '--namespace', 'shop']
  // The first one lacks an add-on; in the second one the way to the gateway does not open, which ends the run.
  const cutOff: Answer[] = [[/get service tracing/, {}], [/port-forward/, { code: 1, stderr: 'no' }]]

  test('in text', async () => {
    const { code, stdout } = await withKubectl(cutOff, ...three)
    expect([code, stdout]).toEqual([3, expect.stringMatching(/ch2\.observe +ERROR[^]*ch2\.chaos +not run\n +ch2\.retry +not run\n[^]*\n0 passed, 1 failed, 2 not run\n/)])
  })

  test('as JSON', async () => {
    const { code, stdout } = await withKubectl(cutOff, ...three, '--json')
    expect([code, JSON.parse(stdout)]).toMatchObject([3, { passed: 0, failed: 1, notRun: 2, results: [{ id: 'ch2.observe', verdict: 'error' }], error: expect.stringContaining('no way to the ingress gateway') }])
  })

  test('after Ctrl-C', async () => {
    const undo = fakeKubectl([/get service tracing/, {}], [/ apply /, { stays: true }], ...MESH)
    try {
      const child = spawn('node', [CLI, ...three], { stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (/ch2\.chaos [^]* apply /.test(said)) child.kill('SIGINT')
      })
      expect([(await once(child, 'close'))[0], said]).toEqual([130, expect.stringContaining('\n0 passed, 1 failed, 2 not run\n')])
    } finally {
      undo()
    }
  })
})

test('of two ingress gateways it asks which one, and changes nothing', async () => {
  const edge = { ...INGRESS_SERVICE, metadata: { name: 'edge', namespace: 'istio-system' } }
  const { code, stdout, stderr } = await withKubectl([[/^get services -A/, { stdout: { items: [INGRESS_SERVICE, edge] } }], [/create|apply|delete|label/, { code: 1, stderr: 'nothing is to be changed' }]], 'ch2.chaos', '--namespace', 'shop')
  expect([code, stderr, stdout]).toEqual([3, expect.stringMatching(/There are 2 ingress gateways\. Which one should the exercises use\?\n +--gateway istio-system\/edge .*\n +--gateway istio-system\/istio-ingressgateway /), expect.stringContaining('0 passed, 0 failed, 1 not run')])
})

/** The same in a mesh, but for these answers of kubectl's. */
async function withKubectl (answers: Answer[], ...args: string[]) {
  const undo = fakeKubectl(...answers, ...MESH)
  try {
    return await exercise(...args)
  } finally {
    undo()
  }
}

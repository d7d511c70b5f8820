import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { command } from '../src/command.ts'
import { course } from '../src/course.ts'
import { fakeKubectl, MESH, type Answer } from './fake-kubectl.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const exercise = (...args: string[]) => command('node', [CLI, ...args])

test('without a name it lists the exercises', async () => {
  const { code, stdout } = await exercise()
  expect(code).toBe(0)
  for (const { id, title } of course) expect(stdout).toMatch(new RegExp(`${id} +${title}`))
})

test('the list as JSON: id, title, needs', async () => {
  const { code, stdout } = await exercise('--json')
  expect([code, JSON.parse(stdout)]).toEqual([0, course.map(({ id, title, needs }) => ({ id, title, needs }))])
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
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, notJudged: 0, results: [], error: expect.stringContaining('kubectl is not installed') }])
})

test.each([['ch2.chaos', '--json'], ['--reset', '--json']])('so it does without --namespace: %s', async (...args) => {
  const { code, stdout } = await command('env', ['PATH=/nowhere', process.execPath, CLI, ...args])
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, notJudged: 0, results: [], error: expect.stringContaining('kubectl is not installed') }])
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

/** The same in a mesh, but for these answers of kubectl's. */
async function withKubectl (answers: Answer[], ...args: string[]) {
  const undo = fakeKubectl(...answers, ...MESH)
  try {
    return await exercise(...args)
  } finally {
    undo()
  }
}

import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { command } from '../src/command.ts'
import { course } from '../src/course.ts'

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
    [['--reset', '--keep'], /--keep belongs to a run/],
    [['ch2', '--namespace', 'My_Shop', '--host', 'localhost', '--json', '--step'], /--json.*--step[^]*--namespace.*'My_Shop'[^]*--host.*'localhost'/]
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await exercise(...args)
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)])
    expect(stderr).toContain('usage: npm run exercise')
  })
})

test('where the exercises cannot run it ends with 3; as JSON, the reason is in it', async () => {
  const { code, stdout } = await command('env', ['PATH=/nowhere', process.execPath, CLI, 'ch2.chaos', '--namespace', 'shop', '--json'])
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, results: [], error: expect.stringContaining('kubectl is not installed') }])
})

test.each([['ch2.chaos', '--json'], ['--reset', '--json']])('so it does without --namespace: %s', async (...args) => {
  const { code, stdout } = await command('env', ['PATH=/nowhere', process.execPath, CLI, ...args])
  expect([code, JSON.parse(stdout)]).toEqual([3, { passed: 0, failed: 0, results: [], error: expect.stringContaining('kubectl is not installed') }])
})

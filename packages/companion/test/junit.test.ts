import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { choose } from '../src/course/registry.ts'
import { all, judge } from '../src/judge/statistics.ts'
import { createReport, junit, ReportError } from '../src/report/junit.ts'
import { element, xmlDocument } from '../src/report/xml.ts'
import type { Result, Summary } from '../src/run/reporter.ts'

/** A Python program that parses XML, and prints each element as JSON: [name, attributes, text, children]. */
const READER = `
import json, sys, xml.etree.ElementTree as tree
def read(e): return [e.tag, e.attrib, e.text if len(e) == 0 else None, [read(child) for child in e]]
print(json.dumps(read(tree.fromstring(sys.stdin.buffer.read()))))`

type Node = [name: string, attributes: Record<string, string>, text: string | null, children: Node[]]

const hasPython = spawnSync('python3', ['--version']).status === 0

function parsed (xml: string): Node {
  const { stdout, stderr } = spawnSync('python3', ['-c', READER], { input: xml, encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Node
}

let file: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'junit-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  file = join(folder, 'exercises.xml')
  createReport(file)
})

const NONE = { passed: 0, failed: 0, notJudged: 0, notRun: 0, unrestored: [], kept: [] }

/** The file after a run of these exercises with these results. */
function reported (ids: string[], results: Result[], summary: Partial<Summary> = {}, leftOut: string[] = []): string {
  const report = junit({ file, again: args => `npm run exercise -- ${args}` })
  if (leftOut.length > 0) report.leftOut(choose(leftOut))
  for (const result of results) report.end(result, 1234.5)
  report.summary({ ...NONE, results, ...summary }, { exercises: choose(ids), namespace: 'shop', keep: false })
  return readFileSync(file, 'utf8')
}

const check = (id: string, name: string, count: number) => judge({ id, name, expected: all }, { count, of: 100 }, 1)

const RESULTS: Result[] = [
  { id: 'ch2.chaos', verdict: 'pass', checks: [check('fails', 'calls that fail', 100)] },
  {
    id: 'ch2.retry',
    verdict: 'fail',
    checks: [
      check('succeed', 'calls that succeed', 99),
      check('new', '"new" <b> & \u0000', 0),
      check('old', 'old ones', 100)
    ]
  },
  { id: 'ch8.tracing', verdict: 'error', checks: [], error: 'Jaeger is missing.\nInstall it.' },
  {
    id: 'ch8.sampling',
    verdict: 'unjudged',
    checks: [],
    unjudged: [{ id: 'tenth', name: 'traces', disturbed: 'the machine was late by 3,000 ms' }]
  }
]
const IDS = [...RESULTS.map(({ id }) => id), 'ch14.tap']

describe('the report of a run', { skip: !hasPython }, () => {
  const suites = (...args: Parameters<typeof reported>) => parsed(reported(...args))[3]
  const casesOf = ([, , , cases]: Node) => cases
  const outcomes = (suite: Node) => casesOf(suite).flatMap(([, , , children]) => children)
    .filter(([name]) => name !== 'system-out')

  test('has a suite for each chapter, with its totals', () => {
    const counts = { failures: '0', errors: '0', skipped: '0', time: '2.469' }
    expect(suites(IDS, RESULTS).map(([name, attributes]) => [name, attributes])).toEqual([
      ['testsuite', { ...counts, name: 'ch2', tests: '2', failures: '1' }],
      ['testsuite', { ...counts, name: 'ch8', tests: '2', errors: '1', skipped: '1' }],
      ['testsuite', { ...counts, name: 'ch14', tests: '1', skipped: '1', time: '0.000' }]
    ])
    expect(parsed(reported(IDS, RESULTS)).slice(0, 2)).toEqual([
      'testsuites', { name: 'Outfitters exercises', tests: '5', failures: '1', errors: '1', time: '4.938' }
    ])
  })

  test('has a test case for each exercise, with its time', () => {
    const [title] = choose(['ch2.retry'])
    expect(casesOf(suites(IDS, RESULTS)[0] as Node)[1]?.slice(0, 2))
      .toEqual(['testcase', { classname: 'ch2', name: `ch2.retry: ${title?.title}`, time: '1.234' }])
  })

  test('has the failed checks, errors, and reasons for skipping', () => {
    const [ch2, ch8, ch14] = suites(IDS, RESULTS) as [Node, Node, Node]
    const first = 'calls that succeed: expected all, observed 99 of 100'
    const second = '"new" <b> & \ufffd: expected all, observed 0 of 100'
    expect(outcomes(ch2)).toEqual([['failure', { message: first, type: 'failure' }, `${first}\n${second}`, []]])
    expect(outcomes(ch8)).toEqual([
      ['error', { message: 'Jaeger is missing.', type: 'error' }, 'Jaeger is missing.\nInstall it.', []],
      ['skipped', { message: 'traces: not judged, because the machine was late by 3,000 ms' }, null, []]
    ])
    expect(outcomes(ch14)).toEqual([['skipped', { message: 'The exercise did not run.' }, null, []]])
  })

  test('says what ended the run early, what could not be restored, and what was left out', () => {
    const cutOff = { error: 'kubectl is gone.\nWait.', unrestored: ['service/a'] }
    const [ch2, run] = suites(['ch2.chaos'], [], cutOff, ['ch2.deploy'])
    expect(outcomes(ch2 as Node).map(([name, { message }]) => [name, message])).toEqual([
      ['skipped', 'The exercise did not run. kubectl is gone.'],
      ['skipped', 'The Gateway API cannot do this exercise.']
    ])
    const [[, , text]] = outcomes(run as Node) as [Node]
    expect(text).toBe('kubectl is gone.\nWait.\nNot everything could be restored. ' +
      'To try again: npm run exercise -- --reset\n  service/a')
  })

  test.each([
    ['', 'no message'],
    ['\n  \nJaeger is missing.\nInstall it.', 'Jaeger is missing.']
  ])('the message of an error is its first line that is not empty: %j', (error, message) => {
    const [suite] = suites(['ch8.tracing'], [{ id: 'ch8.tracing', verdict: 'error', checks: [], error }])
    const messages = outcomes(suite as Node).map(([name, attributes]) => [name, attributes['message']])
    expect(messages).toEqual([['error', message]])
  })

  test('has nothing but errors where the exercises cannot run', () => {
    junit({ file, again: String }).refused('kubectl is not installed.', choose(['ch2.chaos', 'ch2.retry']))
    const [, { tests, errors }] = parsed(readFileSync(file, 'utf8'))
    expect([tests, errors]).toEqual(['3', '1'])
  })

  test('escapes special characters, and replaces those that XML does not allow', () => {
    const text = 'a\tb\nc "d" <e> ]]> & \u00fc \u{1f600}'
    expect(parsed(xmlDocument(element('root', { text }, text)))).toEqual(['root', { text }, text, []])
    const rest = '\u001b[31mred\u001b[0m \u0001 \ud800 \uffff'
    expect(parsed(xmlDocument(element('root', { rest }, rest)))[2]).toBe('red \ufffd \ufffd \ufffd')
  })
})

test('a missing folder is not created: the error names it, and the command that creates it', () => {
  const folder = join(dirname(file), 'my reports')
  expect(() => createReport(join(folder, 'exercises.xml')))
    .toThrow(`the folder ${folder} does not exist. To create it: mkdir -p '${folder}'`)
  expect(existsSync(folder)).toBe(false)
})

test('if the file cannot be written when the run has ended, the error says why, and what to do', () => {
  rmSync(dirname(file), { recursive: true })
  expect(() => reported(['ch2.chaos'], [])).toThrow(ReportError)
  expect(() => reported(['ch2.chaos'], [])).toThrow(`The results could not be written to ${file}: ENOENT`)
  expect(() => reported(['ch2.chaos'], [])).toThrow(/\nCheck that its folder still exists/)
})

test('the file of an older run is emptied', () => {
  writeFileSync(file, '<testsuites/>')
  createReport(file)
  expect(readFileSync(file, 'utf8')).toBe('')
})

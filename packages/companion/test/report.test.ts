// What the reporters tell, in memory. junit.test.ts has the details of JUnit XML, and cli.test.ts the process.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { choose, course } from '../src/course/registry.ts'
import { checkText } from '../src/judge/figures.ts'
import { all, judge } from '../src/judge/statistics.ts'
import { combine } from '../src/report/combine.ts'
import { json } from '../src/report/json.ts'
import { junit } from '../src/report/junit.ts'
import { listAsJson, listAsText } from '../src/report/list.ts'
import { terminal } from '../src/report/terminal.ts'
import { deeperText, failuresOf, firstLineOf, keptText, unjudgedText, unrestoredText } from '../src/report/texts.ts'
import type { Reporter, Result, Summary } from '../src/run/reporter.ts'

const again = (args: string) => `npm run exercise -- ${args} --namespace shop`
const signal = new AbortController().signal

/** Keeps what is printed, without colors. */
function printer () {
  const [out, err]: [string[], string[]] = [[], []]
  return {
    log: (text: string) => { out.push(stripVTControlCharacters(text)) },
    error: (text: string) => { err.push(stripVTControlCharacters(text)) },
    out: () => out.join('\n'),
    err: () => err.join('\n')
  }
}

/** What the three reporters tell about the same events. */
function told (events: (report: Reporter) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'exercises.xml')
  const [shown, object] = [printer(), printer()]
  events(combine(terminal({ wait: false, signal, again, print: shown }), json({ again, print: object }),
    junit({ file, again })))
  return { out: shown.out(), err: shown.err(), json: JSON.parse(object.out()), xml: readFileSync(file, 'utf8') }
}

const passed = judge({ id: 'fail', name: 'calls that fail', expected: all }, { count: 100, of: 100 }, 1)
const failed = judge({ id: 'succeed', name: 'calls that succeed', expected: all }, { count: 99, of: 100 }, 1)
const unjudged = { id: 'tenth', name: 'traces', disturbed: 'the machine was late by 3,000 ms' }

const RESULTS: Result[] = [
  { id: 'ch2.chaos', verdict: 'pass', checks: [passed] },
  { id: 'ch2.retry', verdict: 'fail', checks: [passed, failed] },
  { id: 'ch8.tracing', verdict: 'error', checks: [], error: '\nJaeger is missing.\nInstall it.' },
  { id: 'ch8.sampling', verdict: 'unjudged', checks: [], unjudged: [unjudged] }
]
const exercises = choose([...RESULTS.map(({ id }) => id), 'ch14.tap'])

/** The events of a run with these results, which ended before ch14.tap. */
function run (report: Reporter, { keep = false, ...rest }: Partial<Summary> & { keep?: boolean } = {}): void {
  report.leftOut(choose(['ch2.deploy']))
  for (const result of RESULTS) {
    report.begin(exercises.find(({ id }) => id === result.id) as typeof exercises[number])
    result.checks.forEach(report.check)
    result.unjudged?.forEach(report.unjudged)
    report.end(result, 1234.5)
  }
  const counts = { passed: 1, failed: 2, notJudged: 1, notRun: 1, unrestored: [], kept: [] }
  report.summary({ ...counts, results: RESULTS, ...rest }, { exercises, namespace: 'shop', keep })
}

describe('the terminal, the JSON and the JUnit XML tell the same', () => {
  test('verdicts, failed checks, and exercises that were not judged or did not run', () => {
    const { out, err, json, xml } = told(run)
    const [failure, notJudged] = [checkText(failed), unjudgedText(unjudged)]

    expect(out).toMatch(/\n {2}ch2\.chaos +PASS\n/)
    expect(out).toContain(`FAIL  ${failure}\n`)
    expect(out).toContain('ERROR  Jaeger is missing.\n')
    expect(out).toContain(`NOT JUDGED  ${notJudged}\n`)
    expect(out).toMatch(/\n {2}ch14\.tap +not run\n/)
    expect(out).toMatch(/\n1 passed, 2 failed, 1 not judged, 1 not run$/)
    expect(err).toBe('Left out, because the Gateway API cannot do them: ch2.deploy')

    const counts = { passed: 1, failed: 2, notJudged: 1, notRun: 1 }
    expect(json).toEqual({ ...counts, results: RESULTS, leftOut: ['ch2.deploy'] })

    const caseOf = (id: string) =>
      new RegExp(`<testcase [^>]*name="${id}: [^]*?(?=<testcase|</testsuite>)`).exec(xml)?.[0]
    expect(caseOf('ch2.chaos')).not.toMatch(/<(failure|error|skipped)/)
    expect(caseOf('ch2.retry')).toContain(`<failure message="${failure}"`)
    expect(caseOf('ch8.tracing')).toContain('<error message="Jaeger is missing."')
    expect(caseOf('ch8.sampling')).toContain(`<skipped message="${notJudged}"`)
    expect(caseOf('ch14.tap')).toContain('<skipped message="The exercise did not run.')
    expect(caseOf('ch2.deploy')).toContain('<skipped message="The Gateway API cannot do this exercise."')
  })

  test('what ended the run early, and what could not be restored', () => {
    const rest = { error: 'kubectl is gone.\nWait.', unrestored: ['service/a'] }
    const { err, json, xml } = told(report => run(report, rest))
    const unrestored = unrestoredText(rest.unrestored, again)
    expect(err).toContain(`\n${rest.error}\n${unrestored}`)
    expect(json.error).toBe(`${rest.error}\n${unrestored}`)
    expect(xml).toContain(`<error message="kubectl is gone." type="error">${rest.error}\n${unrestored}</error>`)
  })

  test('why exercises cannot run here', () => {
    const two = choose(['ch2.v2', 'ch2.retry'])
    const { out, err, json, xml } = told(report => report.refused('kubectl is missing.', two))
    expect([out, err]).toEqual(['', 'kubectl is missing.'])
    const counts = { passed: 0, failed: 0, notJudged: 0, notRun: 2 }
    expect(json).toEqual({ ...counts, results: [], error: 'kubectl is missing.' })
    expect(xml.match(/<skipped message="The exercise did not run. kubectl is missing."/g)).toHaveLength(2)
  })
})

describe('the terminal and the JSON tell what is left in the namespace', () => {
  const summary = (rest: Parameters<typeof run>[1]) => told(report => run(report, rest))

  test('objects of the reader', () => {
    const { out, json } = summary({ kept: ['service/mine'] })
    expect(out).toContain(keptText(['service/mine'], 'shop'))
    expect(json.kept).toEqual(['service/mine'])
  })

  test('everything, after a run with --keep', () => {
    expect(summary({ keep: true }).out)
      .toMatch(/To restore what was there before: npm run exercise -- --reset --namespace shop$/)
  })

  test.each([
    [{ found: true, unrestored: [], kept: [] }, 'Namespace shop is as it was before the exercises.', ''],
    [{ found: false, unrestored: [], kept: [] }, 'No run has left anything in namespace shop.', ''],
    [{ found: true, unrestored: [], kept: ['service/mine'] }, keptText(['service/mine'], 'shop'), ''],
    [{ found: true, unrestored: ['service/a'], kept: [] }, '', unrestoredText(['service/a'], again)]
  ])('after --reset: %j', (restored, out, err) => {
    const [shown, object] = [printer(), printer()]
    combine(terminal({ wait: false, signal, again, print: shown }), json({ again, print: object }))
      .restored(restored, 'shop')
    expect([shown.out(), shown.err()]).toEqual([out, err])
    const { found, kept = [], error = '' } = JSON.parse(object.out())
    expect({ found, kept, error }).toEqual({ found: restored.found, kept: restored.kept, error: err })
  })
})

test('the terminal shows a step, a command once, and the beginning and the end of a long output', async () => {
  const print = printer()
  const report = terminal({ wait: false, signal, again, print })
  await report.step({ kind: 'fault', id: 'fault', says: 'Fail.', arguments: [] }, 'Fail.')
  report.command('kubectl get pods', 'lesson')
  report.command('kubectl get pods', 'lesson')
  report.output(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n'))
  expect(print.out().split('\n').map(line => line.trim()).filter(line => line !== '')).toEqual([
    '▸ Fail.', '$ kubectl get pods', ...[1, 2, 3, 4, 5, 6, 7, 8].map(i => `line ${i}`), '… 10 more lines', 'line 19',
    'line 20'
  ])
})

describe('the list of exercises', () => {
  test('as text has ids, titles and needs, and the command that runs the first one', () => {
    const text = stripVTControlCharacters(listAsText(course))
    for (const { id, title, needs } of course) {
      expect(text.split('\n').find(line => line.startsWith(`  ${id} `))).toMatch(`${title} `)
      expect(text.split('\n').find(line => line.startsWith(`  ${id} `))).toContain(`  needs ${needs.join(', ')}`)
    }
    expect(text).toContain(`npm run exercise -- ${course[0]?.id}\n`)
  })

  test('as JSON has ids, titles and needs', () => {
    const expected = course.map(({ id, title, needs, istio }) => ({ id, title, needs, istio }))
    expect(JSON.parse(listAsJson(course))).toEqual(expected)
  })
})

describe('the sentences that reporters share', () => {
  test('a check that was not judged says why', () => {
    expect(unjudgedText(unjudged)).toBe('traces: not judged, because the machine was late by 3,000 ms')
    expect(unjudgedText({ id: 'tenth', name: 'traces', lacks: 'Jaeger' }))
      .toBe('traces: not judged, because this mesh lacks Jaeger')
  })

  test('only failed checks are failures', () => {
    expect(failuresOf({ id: 'ch2.retry', verdict: 'fail', checks: [passed, failed] })).toEqual([checkText(failed)])
  })

  test('the first line of a text is the first one that is not empty', () => {
    expect(['a\nb', '\n \n b \nc', ' \n', ''].map(firstLineOf)).toEqual(['a', 'b', 'no message', 'no message'])
  })

  test('suggested commands are those of the same place', () => {
    expect(unrestoredText(['service/a', 'pod/b'], again)).toBe('Not everything could be restored. ' +
      'To try again: npm run exercise -- --reset --namespace shop\n  service/a\n  pod/b')
    const [first, ...hints] = deeperText('ch2.retry', 'shop', again).split('\n')
    expect(first).toBe('To look deeper: npm run exercise -- ch2.retry --keep --namespace shop, and then')
    expect(hints[1]).toMatch(/^ {2}istioctl proxy-config routes deploy\/webapp -n shop -o yaml +# the routes/)
  })
})

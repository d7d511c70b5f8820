import { existsSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { quoted } from '../cluster/kubectl.ts'
import type { Exercise } from '../course/exercise.ts'
import { checkText } from '../judge/figures.ts'
import { silent, type Reporter, type Result, type Summary } from '../run/reporter.ts'
import { failuresOf, firstLineOf, unjudgedText, unrestoredText, type Again } from './texts.ts'
import { element, xmlDocument, type Element } from './xml.ts'

/**
 * Creates the file for the results. It is empty until the run ends: after a run that was killed, it must not have the
 * results of an older run.
 *
 * @throws {Error} if the file cannot be written, or its folder does not exist
 */
export function createReport (file: string): void {
  const folder = dirname(file)
  if (!existsSync(folder)) {
    throw new Error(`the folder ${folder} does not exist. To create it: mkdir -p ${quoted(folder)}`)
  }
  writeFileSync(file, '')
}

/** The results could not be written when the run had ended. The message says why, and what to do. */
export class ReportError extends Error {
  override name = 'ReportError'

  constructor (file: string, reason: string) {
    super(`The results could not be written to ${file}: ${reason}\n` +
      'Check that its folder still exists and that its disk has space. Then run the exercises again.')
  }
}

/**
 * Writes the results to a file as JUnit XML when the run has ended: a suite for each chapter, and a test case for each
 * exercise. An exercise that was not judged, or did not run, is skipped. Whatever ended the run early is the error of a
 * further test case, `the run`. The calls that write throw a ReportError if the file cannot be written.
 */
export function junit ({ file, again }: { file: string, again: Again }): Reporter {
  const seconds = new Map<string, number>()
  let leftOut: Exercise[] = []

  function write (exercises: Exercise[], { results, error, unrestored }: Outcome): void {
    const cases = exercises.map(exercise => {
      const result = results.find(({ id }) => id === exercise.id)
      const outcome = result === undefined ? skipped(`The exercise did not run. ${error ?? ''}`) : outcomeOf(result)
      return testCaseOf(exercise, outcome, seconds.get(exercise.id))
    })
    cases.push(...leftOut.map(exercise => testCaseOf(exercise, skipped('The Gateway API cannot do this exercise.'))))
    const errors = error === undefined ? [] : [error]
    if (unrestored.length > 0) errors.push(unrestoredText(unrestored, again))
    if (errors.length > 0) cases.push({ ...THE_RUN, outcome: [problem('error', errors)] })
    try {
      writeFileSync(file, junitXml(cases))
    } catch (error) {
      throw new ReportError(file, (error as Error).message)
    }
  }

  return {
    ...silent,
    leftOut (exercises) { leftOut = exercises },
    end ({ id }, milliseconds) { seconds.set(id, milliseconds / 1000) },
    refused: (error, exercises) => write(exercises, { results: [], error, unrestored: [] }),
    summary: (summary, { exercises }) => write(exercises, summary)
  }
}

type Outcome = Pick<Summary, 'results' | 'error' | 'unrestored'>

/** A test case. `outcome` is the content of its element, and empty for one that passed. */
export interface TestCase {
  suite: string
  name: string
  seconds: number
  outcome: Element[]
}

/** The test case for what ended the run early. */
const THE_RUN = { suite: 'run', name: 'the run', seconds: 0 }

function testCaseOf ({ id, title }: Exercise, outcome: Element[], seconds = 0): TestCase {
  return { suite: id.replace(/\..*/, ''), name: `${id}: ${title}`, seconds, outcome }
}

function outcomeOf (result: Result): Element[] {
  const { verdict, checks, unjudged = [], error = '' } = result
  const disturbed = unjudged.filter(({ disturbed }) => disturbed !== undefined).map(unjudgedText)
  const judged = checks.map(check => `${check.ok ? 'passed' : 'failed'}: ${checkText(check)}`)
  const log = [...judged, ...unjudged.map(unjudgedText)]
  return [
    ...verdict === 'error' ? [problem('error', [error, ...failuresOf(result)])] : [],
    ...verdict === 'fail' ? [problem('failure', failuresOf(result))] : [],
    ...verdict === 'unjudged' ? skipped(disturbed.join('\n')) : [],
    ...log.length === 0 ? [] : [element('system-out', {}, log.join('\n'))]
  ]
}

/** A failure or an error: the first line of its texts as the message, and all of its texts. */
function problem (kind: 'failure' | 'error', texts: string[]): Element {
  const text = texts.join('\n')
  return element(kind, { message: firstLineOf(text), type: kind }, text)
}

const skipped = (reason: string) => [element('skipped', { message: firstLineOf(reason) })]

/** The test cases as JUnit XML. */
export function junitXml (cases: TestCase[]): string {
  const suites = Object.entries(Object.groupBy(cases, ({ suite }) => suite) as Record<string, TestCase[]>)
  return xmlDocument(element('testsuites', { name: 'Outfitters exercises', ...totalsOf(cases) }, suites.map(suiteOf)))
}

function suiteOf ([name, cases]: [string, TestCase[]]): Element {
  return element('testsuite', { name, ...totalsOf(cases), skipped: count(cases, 'skipped') }, cases.map(elementOf))
}

const elementOf = ({ suite, name, seconds, outcome }: TestCase) =>
  element('testcase', { classname: suite, name, time: seconds.toFixed(3) }, outcome)

function totalsOf (cases: TestCase[]) {
  const time = cases.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3)
  return { tests: cases.length, failures: count(cases, 'failure'), errors: count(cases, 'error'), time }
}

const count = (cases: TestCase[], kind: string) =>
  cases.filter(({ outcome }) => outcome.some(({ name }) => name === kind)).length

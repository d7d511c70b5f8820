// npm run exercise: lists the exercises, or runs some of them in the cluster of the current kubectl context.
import { exerciseCommand, parseRequest, USAGE, UsageError, type Place, type Request, type RunRequest } from './args.ts'
import { combine } from './report/combine.ts'
import { json } from './report/json.ts'
import { createReport, junit, ReportError } from './report/junit.ts'
import { listAsJson, listAsText } from './report/list.ts'
import { terminal } from './report/terminal.ts'
import type { Again } from './report/texts.ts'
import type { Reporter } from './run/reporter.ts'
import { exitCodeOf, reset, runExercises } from './run/run.ts'
import { course, FALSE_ALARM_PER_CHECK } from './course/registry.ts'
import { pinContext } from './cluster/context.ts'
import { Trouble } from './cluster/errors.ts'
import { configuredSource } from './cluster/images.ts'
import { Kubectl, KubectlError } from './cluster/kubectl.ts'
import { usualNamespace } from './cluster/preflight.ts'

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit code */
async function main (args: string[]): Promise<number> {
  try {
    const request = parseRequest(args)
    if (request.task === 'help') return print(USAGE)
    if (request.task === 'list') return print(request.json ? listAsJson(course) : listAsText(course))
    return await carryOut(request)
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`)
      return 2
    }
    if (!(error instanceof ReportError)) throw error
    console.error(error.message)
    return 3
  }
}

function print (text: string): 0 {
  console.log(text)
  return 0
}

/** Runs exercises or restores the namespace, with the reporters that the options ask for. */
async function carryOut (request: Extract<Request, { task: 'run' | 'reset' }>): Promise<number> {
  const { exercises, leftOut } = request.task === 'run' ? request : { exercises: [], leftOut: [] }
  const signal = abortSignal()
  const report = reporterFor(request, signal)
  try {
    if (leftOut.length > 0) report.leftOut(leftOut)
    if (request.task === 'run') configuredSource() // throws if the setting is invalid
    const namespace = await namespaceFor(request.place)
    return request.task === 'run'
      ? await runIn(namespace, request, report, signal)
      : await restore(namespace, report)
  } catch (error) {
    if (!(error instanceof Trouble || error instanceof KubectlError)) throw error
    report.refused(error.message, exercises)
    return 3
  } finally {
    report.close()
  }
}

interface ReporterOptions {
  json: boolean
  place: Place
  step?: boolean
  junit?: string | undefined
}

/** @throws {UsageError} if the file of `--junit` cannot be written */
function reporterFor (options: ReporterOptions, signal: AbortSignal): Reporter {
  const { step = false, junit: file } = options
  const again: Again = args => exerciseCommand(args, options.place)
  const main = options.json ? json({ again }) : terminal({ wait: step, signal, again })
  if (file === undefined) return main
  try {
    createReport(file)
  } catch (error) {
    throw new UsageError(`--junit cannot write the file ${file}: ${(error as Error).message}`)
  }
  return combine(main, junit({ file, again }))
}

/** Pins the current context, and returns the namespace: the one that the options name, or that of the context. */
async function namespaceFor ({ namespace }: Place): Promise<string> {
  const kubectl = new Kubectl('default')
  await pinContext(kubectl)
  return namespace ?? await usualNamespace(kubectl)
}

async function runIn (namespace: string, request: RunRequest, report: Reporter, signal: AbortSignal): Promise<number> {
  const { exercises, keep, place: { host, gateway, api } } = request
  const falseAlarm = FALSE_ALARM_PER_CHECK
  const summary = await runExercises({ exercises, namespace, host, gateway, keep, api, report, signal, falseAlarm })
  report.summary(summary, { exercises, namespace, keep })
  if (summary.unrestored.length > 0) return 3
  if (signal.aborted) return 130
  return summary.error !== undefined ? 3 : exitCodeOf(summary)
}

async function restore (namespace: string, report: Reporter): Promise<number> {
  const restored = await reset({ namespace, report })
  report.restored(restored, namespace)
  return restored.unrestored.length > 0 ? 3 : 0
}

/** A signal that ends the run at the first SIGINT, SIGTERM or SIGHUP. Later ones do not stop the restoring. */
function abortSignal (): AbortSignal {
  const abort = new AbortController()
  process.stdout.on('error', () => {}) // after SIGHUP, the terminal may be gone
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (abort.signal.aborted && name === 'SIGINT') {
        console.error('Still restoring what was there before. This takes a few seconds.')
      }
      abort.abort()
    })
  }
  return abort.signal
}

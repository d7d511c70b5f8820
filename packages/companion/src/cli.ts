// npm run exercise: lists the exercises, or runs some of them in the cluster of the current kubectl context.
import { styleText, parseArgs } from 'node:util'
import { pinContext } from './cluster/context.ts'
import { choose, course, FALSE_ALARM_PER_CHECK } from './course/registry.ts'
import type { Exercise } from './course/exercise.ts'
import { checkText } from './judge/figures.ts'
import { configuredSource } from './cluster/images.ts'
import { Kubectl, KubectlError } from './cluster/kubectl.ts'
import { usualNamespace } from './cluster/preflight.ts'
import { silent, type Result } from './run/reporter.ts'
import { exitCodeOf, reset, run, type Restored, type Summary } from './run/run.ts'
import { coloured, terminal, unjudgedText } from './report/terminal.ts'
import { Trouble } from './cluster/errors.ts'
import { hasTwin, type Api } from './course/twins.ts'

const USAGE = `usage: npm run exercise                        list the exercises
       npm run exercise -- ch2.retry …        run some, by id or by chapter (ch2)
       npm run exercise -- --all              run all
       npm run exercise -- --reset            bring back what was there before a run with --keep, or one that was killed

  --from ID         begin with this one
  --keep            leave everything as the last exercise has left it
  --step            explain each step, and wait for Enter before it
  --namespace NAME  by default that of the current context, or istioinaction; one that is not there is made, and removed at the end
  --gateway NAMESPACE/NAME
                    the Service of the ingress gateway, if the mesh has several; by default the only one
                    with the label istio: ingressgateway or istio: ingress
  --host NAME       answer to this host alone at the ingress gateway, or to webapp.NAME and catalog.NAME, so that several can share one
  --api gateway     route by the Kubernetes Gateway API in place of Istio's own objects, where an exercise has such a twin
  --json            print the result as JSON, and nothing else

Exit codes: 0 all passed; 1 some failed; 2 the call makes no sense; 3 the exercises cannot run here; 4 nothing failed, but the machine was too busy to judge everything fairly; 130 interrupted.`

/** Options that are nothing without an exercise, and those that say where it is played, as --reset may be told as well. */
const OF_A_RUN = ['keep', 'step'] as const
const OF_A_PLACE = ['namespace', 'gateway', 'host', 'api'] as const

/** A line to type, with the options of this call that say where. */
type Again = (args: string) => string

/** A call that makes no sense. */
class UsageError extends Error {}

/** How many exercises this call asks for. */
let meant = 0

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`)
    return 2
  }
  if (!(error instanceof Trouble || error instanceof KubectlError)) throw error
  if (process.argv.includes('--json')) console.log(JSON.stringify({ passed: 0, failed: 0, notJudged: 0, notRun: meant, results: [], error: error.message }, null, 2))
  else console.error(error.message)
  return 3
})

async function main (): Promise<number> {
  const { names, values, isRun } = parse()
  if (values.help === true) return say(USAGE)
  if (!isRun && values.reset !== true) return list(values.json)

  if (isRun) configuredSource() // throws before anything is done
  const abort = new AbortController()
  abortOnSignals(abort)
  const report = values.json ? silent : terminal({ wait: values.step, signal: abort.signal })
  const { api = 'istio' } = values as { api?: Api }
  const { exercises, leftOut } = isRun ? chosen(names, values.from, api) : { exercises: [], leftOut: [] }
  meant = exercises.length
  const again: Again = args => ['npm run exercise --', args, ...OF_A_PLACE.flatMap(option => values[option] === undefined ? [] : [`--${option} ${values[option]}`])].join(' ')
  if (leftOut.length > 0 && !values.json) console.error(`Left out, since they have no twin for the Gateway API: ${leftOut.join(', ')}`)
  const unbound = new Kubectl('default')
  await pinContext(unbound)
  const namespace = values.namespace ?? await usualNamespace(unbound)
  if (values.reset === true) return await bringBack({ namespace, report }, again, values.json)

  const summary = await run({ exercises, namespace, host: values.host, gateway: values.gateway, keep: values.keep, api, report, signal: abort.signal, falseAlarm: FALSE_ALARM_PER_CHECK })
  report.close()
  if (values.json) print({ ...summary, ...(leftOut.length > 0 && { leftOut }) }, again)
  else tell(summary, { exercises, namespace, keep: values.keep, again })
  if (summary.unrestored.length > 0) return 3
  if (abort.signal.aborted) return 130
  return summary.error !== undefined ? 3 : exitCodeOf(summary)
}

function parse () {
  try {
    const { positionals: names, values } = parseArgs({
      allowPositionals: true,
      options: {
        all: { type: 'boolean' },
        from: { type: 'string' },
        keep: { type: 'boolean', default: false },
        step: { type: 'boolean', default: false },
        reset: { type: 'boolean' },
        namespace: { type: 'string' },
        gateway: { type: 'string' },
        host: { type: 'string' },
        api: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' }
      }
    })
    const isRun = names.length > 0 || values.all === true || values.from !== undefined
    const problems = [
      ...names.length > 0 && values.all === true ? ['--all runs every exercise; name none'] : [],
      ...values.reset === true && isRun ? ['--reset runs no exercise; name none'] : [],
      ...isRun ? [] : [...OF_A_RUN, ...values.reset === true ? [] : OF_A_PLACE].filter(option => values[option]).map(option => `--${option} belongs to a run: name an exercise, or --all`),
      ...values.json && values.step ? ['--json prints nothing before the end, and --step waits for a reader; take one of them'] : [],
      ...['istio', 'gateway', undefined].includes(values.api) ? [] : [`--api must be istio or gateway, but is '${values.api}'`],
      ...values.namespace !== undefined && !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(values.namespace) ? [`--namespace must be the name of a namespace, but is '${values.namespace}'`] : [],
      ...values.gateway !== undefined && !/^[a-z0-9-]+\/[a-z0-9-]+$/.test(values.gateway) ? [`--gateway must be NAMESPACE/NAME of a Service, as in istio-ingress/istio-ingress, but is '${values.gateway}'`] : [],
      ...values.gateway !== undefined && values.api === 'gateway' ? ['--gateway cannot be used with --api gateway, where each Gateway has a proxy of its own; use only one of the two'] : [],
      ...values.host !== undefined && !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(values.host) ? [`--host must be a host name with a dot, in small letters, but is '${values.host}'`] : []
    ]
    if (problems.length > 0) throw new UsageError(problems.join('\n'))
    return { names, values, isRun }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** The exercises that are meant, and the ids of those among them that cannot be done by this API. */
function chosen (names: string[], from: string | undefined, api: Api): { exercises: Exercise[], leftOut: string[] } {
  try {
    const meant = choose(names, from)
    const exercises = api === 'istio' ? meant : meant.filter(hasTwin)
    if (exercises.length === 0) throw new RangeError(`${meant.map(idOf).join(', ')} cannot be done by the Gateway API; these can: ${course.filter(hasTwin).map(idOf).join(', ')}`)
    return { exercises, leftOut: meant.filter(exercise => !exercises.includes(exercise)).map(idOf) }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function idOf ({ id }: Exercise): string {
  return id
}

function list (json: boolean): number {
  if (json) return say(JSON.stringify(course.map(({ id, title, needs, istio }) => ({ id, title, needs, ...(istio !== undefined && { istio }) })), null, 2))
  const width = (of: (exercise: Exercise) => string) => Math.max(...course.map(exercise => of(exercise).length))
  const [ids, titles] = [width(({ id }) => id), width(({ title }) => title)]
  const lines = course.map(({ id, title, needs, istio }) => `  ${id.padEnd(ids)}  ${title.padEnd(titles)}  ${styleText('dim', `needs ${[...needs, ...istio === undefined ? [] : [`Istio ${istio}`]].join(', ')}`)}`)
  return say(`${lines.join('\n')}\n\nnpm run exercise -- ${course[0]?.id} runs one of them in the cluster of the current kubectl context; -- --help says what else there is.`)
}

async function bringBack (options: Parameters<typeof reset>[0], again: Again, json: boolean): Promise<number> {
  const { namespace } = options
  const { found, unrestored, kept } = await reset(options)
  if (json) print({ found, unrestored, kept }, again)
  else if (unrestored.length > 0) console.error(unrestoredText(unrestored, again))
  else if (kept.length > 0) console.log(keptText(kept, namespace))
  else console.log(found ? `Namespace ${namespace} is as it was before the exercises.` : `No run has left anything in namespace ${namespace}.`)
  return unrestored.length > 0 ? 3 : 0
}

/** As the promised JSON; what is not as it should be stands in `error`. */
function print ({ unrestored, kept, error, ...rest }: Partial<Summary> & Restored & { found?: boolean, leftOut?: string[] }, again: Again): void {
  const errors = [...error === undefined ? [] : [error], ...unrestored.length > 0 ? [unrestoredText(unrestored, again)] : []]
  console.log(JSON.stringify({ ...rest, ...(kept.length > 0 && { kept }), ...(errors.length > 0 && { error: errors.join('\n') }) }, null, 2))
}

function tell ({ passed, failed, notJudged, notRun, results, error, unrestored, kept }: Summary, { exercises, namespace, keep, again }: { exercises: Exercise[], namespace: string, keep: boolean, again: Again }): void {
  if (error !== undefined) console.error(`\n${styleText('red', error)}`)
  console.log()
  const width = Math.max(...exercises.map(({ id }) => id.length))
  for (const { id } of exercises) {
    const result = results.find(result => result.id === id)
    const reasons = result?.checks.filter(({ ok }) => !ok).map(checkText) ?? []
    console.log(`  ${id.padEnd(width)}  ${result === undefined ? 'not run' : [coloured(result.verdict), result.error?.split('\n')[0], ...reasons, ...lacking(result)].filter(Boolean).join('  ')}`)
  }
  const wrong = results.find(({ verdict }) => verdict === 'fail' || verdict === 'error')
  if (wrong !== undefined) console.log(`\n${deeper(wrong.id, namespace, again)}`)
  console.log(`\n${passed} passed, ${failed} failed${notJudged === 0 ? '' : `, ${notJudged} not judged`}${notRun === 0 ? '' : `, ${notRun} not run`}`)
  if (unrestored.length > 0) console.error(unrestoredText(unrestored, again))
  else if (kept.length > 0) console.log(keptText(kept, namespace))
  else if (keep && error === undefined) console.log(`Everything is as the last exercise has left it. ${again('--reset')} brings back what was there before.`)
}

function unrestoredText (failures: string[], again: Again): string {
  return `Not everything could be brought back; ${again('--reset')} tries again.\n${failures.map(failure => `  ${failure}`).join('\n')}`
}

/** What was not judged of an exercise, and why. */
function lacking ({ unjudged: [first, ...more] = [] }: Result): string[] {
  return first === undefined ? [] : [`${unjudgedText(first)}${more.length === 0 ? '' : ` (and ${more.length} more)`}`]
}

/** How to find out why an exercise has not passed. */
function deeper (id: string, namespace: string, again: Again): string {
  return `To look deeper: ${again(`${id} --keep`)}, and then
  istioctl proxy-status                                          whether the proxies have what istiod knows
  istioctl proxy-config routes deploy/webapp -n ${namespace} -o yaml   what the webapp's proxy does with a call; clusters and endpoints likewise
  kubectl -n ${namespace} logs deploy/webapp -c istio-proxy            what became of each call, with Envoy's flag for the reason`
}

function keptText (kept: string[], namespace: string): string {
  return `Namespace ${namespace} was made for the exercises. It stays, since something of yours is in it: ${kept.join(', ')}`
}

/** The first signal ends the run; what was there before is brought back whatever comes after it. */
function abortOnSignals (abort: AbortController): void {
  process.stdout.on('error', () => {}) // the terminal may be gone
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted && signal === 'SIGINT') console.error('Still bringing back what was there before; it takes a few seconds.')
      abort.abort()
    })
  }
}

function say (text: string): 0 {
  console.log(text)
  return 0
}

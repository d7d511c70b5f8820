import { parseArgs } from 'node:util'
import { choose, course } from './course/registry.ts'
import type { Exercise } from './course/exercise.ts'
import { hasTwin, type Api } from './course/twins.ts'

/** What `npm run exercise -- --help` prints. */
export const USAGE = `usage: npm run exercise                      list the exercises
       npm run exercise -- ch2.retry …      run exercises, by id or by chapter (ch2)
       npm run exercise -- --all            run all exercises
       npm run exercise -- --reset          restore the namespace after a run with --keep, or one that was killed

  --from ID         begin with this exercise
  --keep            do not restore the namespace after the last exercise
  --step            explain each step, and wait for Enter before it
  --namespace NAME  run in this namespace. By default, that of the current context, or istioinaction. If it
                    does not exist, the run creates it, and removes it at the end
  --gateway NAMESPACE/NAME
                    the Service of the ingress gateway, if the mesh has several. By default, the only Service
                    with the label istio: ingressgateway or istio: ingress
  --host NAME       the only host that the ingress gateway accepts for you, so that several people can share
                    the gateway. Some exercises use webapp.NAME and catalog.NAME instead
  --api gateway     route with the Kubernetes Gateway API, in the exercises that support it
  --json            print the results as JSON, and nothing else
  --junit FILE      also write the results to a file, as JUnit XML. Its folder must exist

Exit codes: 0 all passed; 1 some failed; 2 the arguments are invalid; 3 the exercises cannot run here, not everything
could be restored, or the file of --junit could not be written; 4 none failed, but the machine was too busy to judge all
of them; 130 the run was interrupted.`

/** Where exercises run, as the options say it. `--reset` takes these options too. */
export interface Place {
  namespace?: string | undefined
  gateway?: string | undefined
  host?: string | undefined
  api?: Api | undefined
}

/** What a command line asks for. */
export type Request =
  | { task: 'help' }
  | { task: 'list', json: boolean }
  | { task: 'reset', json: boolean, place: Place }
  | RunRequest

/** A command line that runs exercises. */
export interface RunRequest {
  task: 'run'
  json: boolean
  place: Place
  exercises: Exercise[]
  /** the chosen exercises that the API of `place` cannot do */
  leftOut: Exercise[]
  keep: boolean
  step: boolean
  /** the file for the results as JUnit XML */
  junit: string | undefined
}

/** The arguments are invalid. The message has a line for each mistake. */
export class UsageError extends Error {
  override name = 'UsageError'
}

const OPTIONS = {
  all: { type: 'boolean', default: false },
  from: { type: 'string' },
  keep: { type: 'boolean', default: false },
  step: { type: 'boolean', default: false },
  reset: { type: 'boolean', default: false },
  namespace: { type: 'string' },
  gateway: { type: 'string' },
  host: { type: 'string' },
  api: { type: 'string' },
  json: { type: 'boolean', default: false },
  junit: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false }
} as const

const RUN_OPTIONS = ['keep', 'step', 'junit'] as const
const PLACE_OPTIONS = ['namespace', 'gateway', 'host', 'api'] as const

type Options = ReturnType<typeof parseOptions>['values']

/**
 * Reads the arguments of `npm run exercise`. With `--help`, it ignores all other arguments, also invalid ones.
 *
 * @throws {UsageError} naming all mistakes at once
 */
export function parseRequest (args: string[]): Request {
  if (asksForHelp(args)) return { task: 'help' }
  const { values, positionals: names } = parseOptions(args)
  const { json, keep, step, junit, from } = values
  const isRun = names.length > 0 || values.all || from !== undefined
  const problems = [...conflictsIn(values, names, isRun), ...invalidValuesIn(values)]
  const place = placeOf(values)
  const chosen = isRun ? chosenBy(names, from, place.api, problems) : undefined
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  if (chosen !== undefined) return { task: 'run', json, place, ...chosen, keep, step, junit }
  return values.reset ? { task: 'reset', json, place } : { task: 'list', json }
}

/** The command `npm run exercise` with these arguments, in the same place. */
export function exerciseCommand (args: string, place: Place): string {
  const options = PLACE_OPTIONS.flatMap(name => place[name] === undefined ? [] : [`--${name} ${place[name]}`])
  return ['npm run exercise --', args, ...options].join(' ')
}

function asksForHelp (args: string[]): boolean {
  return parseArgs({ args, strict: false, options: { help: OPTIONS.help } }).values.help === true
}

function parseOptions (args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The options that exclude each other, or that have no effect without another one. */
function conflictsIn (values: Options, names: string[], isRun: boolean): string[] {
  const useless = [...RUN_OPTIONS, ...values.reset ? [] : PLACE_OPTIONS].filter(name => values[name])
  return [
    ...names.length > 0 && values.all ? ['--all runs every exercise: leave out the names, or --all'] : [],
    ...values.reset && isRun ? ['--reset runs no exercise: leave out the exercises, or --reset'] : [],
    ...isRun ? [] : useless.map(name => `--${name} has no effect without a run: name an exercise, or add --all`),
    ...values.json && values.step
      ? ['--json prints nothing before the end, but --step waits for Enter before each step: use only one of the two']
      : [],
    ...values.gateway !== undefined && values.api === 'gateway'
      ? ['--gateway cannot be used with --api gateway, where each Gateway has its own proxy: use only one of the two']
      : []
  ]
}

const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const SERVICE = /^[a-z0-9-]+\/[a-z0-9-]+$/
const HOST = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

function invalidValuesIn ({ api, namespace, gateway, host, junit }: Options): string[] {
  return [
    ...api === undefined || isApi(api) ? [] : [`--api must be istio or gateway, but is '${api}'`],
    ...namespace === undefined || NAMESPACE.test(namespace)
      ? []
      : [`--namespace must be a namespace's name (small letters, digits and hyphens), but is '${namespace}'`],
    ...gateway === undefined || SERVICE.test(gateway)
      ? []
      : [`--gateway must be NAMESPACE/NAME of a Service, as in istio-ingress/istio-ingress, but is '${gateway}'`],
    ...host === undefined || HOST.test(host)
      ? []
      : [`--host must be a host name in small letters with a dot, as in shop.example, but is '${host}'`],
    ...junit === '' ? ['--junit must be the path of a file, but is \'\''] : []
  ]
}

const isApi = (value: string): value is Api => ['istio', 'gateway'].includes(value)

function placeOf ({ namespace, gateway, host, api }: Options): Place {
  return { namespace, gateway, host, api: api !== undefined && isApi(api) ? api : undefined }
}

/** The chosen exercises: those that the API can do, and those that it cannot do. Mistakes are added to `problems`. */
function chosenBy (names: string[], from: string | undefined, api: Api = 'istio', problems: string[]) {
  try {
    const chosen = choose(names, from)
    const exercises = api === 'istio' ? chosen : chosen.filter(hasTwin)
    if (exercises.length === 0) {
      const possible = idsOf(course.filter(hasTwin)).join(', ')
      problems.push(`The Gateway API cannot do ${idsOf(chosen).join(', ')}. It can do ${possible}`)
    }
    return { exercises, leftOut: chosen.filter(exercise => !exercises.includes(exercise)) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    problems.push(error.message)
  }
}

const idsOf = (exercises: Exercise[]) => exercises.map(({ id }) => id)

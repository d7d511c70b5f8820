import {
  NEEDS, usesGateway, type Control, type Exercise, type Expect, type Inspect, type Load, type Need, type Step
} from '../course/exercise.ts'
import { course, FALSE_ALARM_PER_CHECK } from '../course/registry.ts'
import { VALUES_BY_HAND } from '../course/placeholders.ts'
import { argumentsFor, DOMAIN, pathOf } from '../cluster/manifests.ts'
import { FASTEST, SLOWEST } from '../judge/calibration.ts'
import { expectedText, percent } from '../judge/figures.ts'
import { number } from '../judge/numbers.ts'
import { bounds, FALSE_ALARM, POWER, sampleSize } from '../judge/statistics.ts'
import { commandFor } from '../run/steps/index.ts'
import { limitsOf, sampleOf } from '../run/steps/sample-size.ts'
import { listOf, tableOf, wrapped } from './markdown.ts'
import { figures, type ExerciseFigures, type Figures } from './record.ts'

/** The folder of the pages, as a path of the project. */
const FOLDER = 'docs/exercises'

const CHECK_COLUMNS = ['check', 'expected', 'allowed range', 'last run']

/** A check of an exercise. */
type CheckStep = Expect | Inspect

/** The documentation of the exercises by path in the project: a table of all exercises, and a page for each. */
export function pages (): Map<string, string> {
  const seen = figures()
  return new Map([
    [`${FOLDER}/README.md`, indexPage(seen)],
    ...course.map(exercise => [`${FOLDER}/${pageOf(exercise)}`, page(exercise, seen[exercise.id])] as const)
  ])
}

/** How the last recorded run of an exercise ended. */
export function stateOf (seen: ExerciseFigures | undefined): string {
  if (seen === undefined) return 'not recorded yet'
  if (seen.failed === true) return `failed on ${seen.on}`
  return `passed on ${seen.on}${seen.lacks === undefined ? '' : `, except the checks that need ${seen.lacks}`}`
}

/** The page of an exercise, as a path in the folder of the pages. */
const pageOf = ({ id }: Exercise) => `${id.replace('.', '/')}.md`

function indexPage (seen: Figures): string {
  const chapters = Object.groupBy(course, ({ id }) => chapterOf(id)) as Record<string, Exercise[]>
  return `${madeFrom('packages/companion')}
# The exercises

Each exercise applies a lesson of the book to your mesh, sends requests, and judges the answers. The page of an exercise
lists its commands, so that you can also follow it by hand. The column "last run" shows how the last recorded run ended.

    npm run exercise -- ch2.retry      # runs one exercise
    npm run exercise -- ch2            # runs all exercises of chapter 2

[The main README](../../README.md#the-exercises) explains how to run the exercises, and
[the reference](../reference.md#npm-run-exercise) lists all options.

${Object.entries(chapters).map(([chapter, exercises]) => `## Chapter ${chapter.replace('ch', '')}

${tableOf(['exercise', 'title', 'what you learn', 'last run'], exercises.map(exercise => rowOf(exercise, seen)))}
`).join('\n')}`
}

const chapterOf = (id: string) => id.replace(/\..*/, '')

function rowOf (exercise: Exercise, seen: Figures): string[] {
  const { id, title, aim } = exercise
  return [`[${id}](${pageOf(exercise)})`, title, aim, stateOf(seen[id])]
}

const madeFrom = (source: string) => `<!-- Made from ${source} by npm run docs: change it there. -->`

function page (exercise: Exercise, seen: ExerciseFigures | undefined): string {
  const { id, title, aim, needs, istio, steps, look, controls } = exercise
  const needed = [...needs.map(needText), ...istio === undefined ? [] : [`Istio ${istio} or newer`]]
  return `${madeFrom('packages/companion/src/course/exercises')}
# ${id}: ${title}

${wrapped(aim)}

    npm run exercise -- ${id}

This command runs the exercise, judges the results, and restores the namespace. To experiment afterwards, add
\`--keep\`. The namespace then stays as the exercise left it, until \`npm run exercise -- --reset\` restores it.

${byHandText(exercise)}

${wrapped(cleanUpText(exercise))}

## At the start

${listOf(needed)}

The namespace must contain no other objects of the store or of Istio. The companion removes those that it finds, and
restores them at the end.${setUpText(needs)}

## Steps

${numbered(exercise).map((step, index) => stepText(step, index + 1, exercise)).join('\n\n')}

## Expected results

${tableOf(CHECK_COLUMNS, checksOf(steps).map(step => checkRow(step, seen)))}

${paragraphs([recordText(seen), ...timeTexts(exercise), ...drawsText(steps)])}

## What to look at

${listOf(look)}

## How the exercise can fail

${listOf(controls.map(control => controlText(control, exercise)))}

The end-to-end tests make each of these changes, and verify that the check fails.
`
}

/** The steps that have a number on the page: all except the checks of a load. */
const numbered = ({ steps }: Exercise) => steps.filter(step => step.kind !== 'expect')

const loadsOf = ({ steps }: Exercise) => steps.filter(step => step.kind === 'load')

/** What to do before the first command. */
function byHandText (exercise: Exercise): string {
  const root = 'To follow along by hand, run the commands below from the repository root.'
  const namespace = '    kubectl config set-context --current --namespace istioinaction'
  if (!usesGateway(exercise)) return `${root} First choose the namespace:\n\n${namespace}`
  const loads = loadsOf(exercise)
  return `${wrapped(`${root} First choose the namespace. Then forward local ports to the ingress gateway, in a ` +
    'second terminal:')}

${namespace}
    kubectl -n istio-system port-forward service/istio-ingressgateway ${portsFor(loads)}

If your ingress gateway has another name or namespace, change the commands accordingly. If it has another label, change
\`istio: ingressgateway\` in the files.

${wrapped(hostText(loads))}

One \`curl\` sends one request. To see a share of the answers, repeat the command.`
}

/** How to undo the steps by hand. Deleting the store also undoes other changes to it, such as `kubectl scale`. */
function cleanUpText ({ steps }: Exercise): string {
  const made = steps.flatMap(step => step.kind === 'run' ? step.makes : [])
  const secrets = made.filter(key => key.startsWith('GATEWAYS:')).map(key => key.replace('GATEWAYS:', ''))
  const command = `kubectl -n ${VALUES_BY_HAND.GATEWAYS} delete ${secrets.join(' ')}`
  return 'To clean up by hand before another exercise, delete the store with `kubectl delete -k k8s`, and run ' +
    '`kubectl delete -f FILE` for each other file that you have applied. ' +
    (secrets.length === 0 ? '' : `Also run \`${command}\`. `) +
    (steps.some(({ kind }) => kind === 'fault') ? 'Faults end with the pods that have them. ' : '') +
    '`npm run exercise -- --reset` undoes only what the companion has done.'
}

/** How a change makes a check fail. The page does not show the ids of steps, so the text has their numbers instead. */
function controlText ({ when, fails }: Control, exercise: Exercise): string {
  const numberOf = (id: string) => numbered(exercise).findIndex(step => step.id === id) + 1
  const change = when.replaceAll(/the step `([^`]+)`/g, (_, id: string) => `step ${numberOf(id)}`)
  return `The check "${nameOf(fails, exercise.steps)}" fails if ${change}.`
}

/** The ports of a port-forward that these loads need. */
const portsFor = (loads: Load[]) => loads.some(({ tls }) => tls !== undefined) ? '8080:80 8443:443' : '8080:80'

const checksOf = (steps: Step[]) => steps.filter((step): step is CheckStep => 'expected' in step)

const paragraphs = (texts: string[]) => texts.map(text => wrapped(text)).join('\n\n')

/** The name of a check. */
const nameOf = (id: string, steps: Step[]) => checksOf(steps).find(step => step.id === id)?.name

/** Which hosts the gateway answers to with `--host`. */
function hostText (loads: Load[]): string {
  const hosts = [...new Set(loads.flatMap(({ host }) => host ?? []))]
  if (hosts.length === 0) {
    return 'After a run with `--host NAME` and `--keep`, the gateway accepts only that host: add ' +
      '`-H \'Host: NAME\'` to the `curl` commands.'
  }
  const listed = (names: string[]) => names.map(name => `\`${name}\``).join(' and ')
  const own = hosts.map(host => host.replace(DOMAIN, 'NAME'))
  return 'After a run with `--host NAME` and `--keep`, the gateway accepts ' +
    `${listed(own)} instead of ${listed(hosts)}.`
}

function needText (need: Need): string {
  const { is, file } = NEEDS[need]
  return file === undefined ? is : `${is} (${link(file)})`
}

/** The commands that set up what an exercise needs. */
function setUpText (needs: Need[]): string {
  const files = needs.flatMap(need => NEEDS[need].file ?? [])
  if (files.length === 0) return ''
  const commands = files.map(file => `    kubectl apply ${argumentsFor(pathOf(file)).join(' ')}`)
  return ` By hand, set this up with:\n\n${commands.join('\n')}`
}

function stepText (step: Step, position: number, exercise: Exercise): string {
  const indent = ' '.repeat(`${position}. `.length)
  const text = [`${position}.`, 'says' in step ? step.says : '', ...detailsOf(step, exercise)].join(' ')
  return `${wrapped(text, indent)}\n\n${indent}    ${commandFor(step)}`
}

/** What a page adds to the sentence of a step: the file, or the number of requests. */
function detailsOf (step: Step, exercise: Exercise): string[] {
  if (step.kind === 'apply') return [link(step.file)]
  if (step.kind !== 'load') return []
  const perSecond = step.rate === undefined ? `${SLOWEST} to ${FASTEST}` : number(step.rate)
  if (step.during !== undefined) return [`(Meanwhile, the companion sends ${perSecond} requests per second.)`]
  const { least, most } = sampleOf(step, exercise, FALSE_ALARM_PER_CHECK)
  if (least === most) return [`(The companion sends ${number(most)} requests, ${perSecond} per second.)`]
  return [`(The companion sends ${perSecond} requests per second. It stops when the result is clear, after ` +
    `${number(least)} to ${number(most)} requests.)`]
}

function checkRow (step: CheckStep, run: ExerciseFigures | undefined): string[] {
  const { id, name, expected } = step
  const figure = run?.checks[id]
  const seen = figure === undefined ? '' : `${percent(figure.observed)} of ${number(figure.n)}`
  return [name, expectedText(expected), allowedText(step), seen]
}

/** The range in which the share of a complete sample must be; empty if it must be all or none. */
function allowedText ({ expected }: CheckStep): string {
  if (expected.kind === 'exactly') return ''
  const n = sampleSize(expected, FALSE_ALARM_PER_CHECK)
  const { low, high } = bounds(expected, { count: 0, of: n }, FALSE_ALARM_PER_CHECK)
  return `${percent(low)} to ${percent(high)}${expected.kind === 'about' ? ` of ${number(n)}` : ''}`
}

function recordText (seen: ExerciseFigures | undefined): string {
  if (seen === undefined) return 'No run has been recorded yet.'
  return `The last recorded run was on ${seen.on}${seen.failed === true ? ', and the exercise failed in it' : ''}.`
}

const NOISE_PAGE = '../../../packages/companion/README.md#on-a-busy-machine'

/** For the loads whose results depend on time: when these are not judged. */
function timeTexts (exercise: Exercise): string[] {
  const limited = loadsOf(exercise).flatMap(step => {
    const { tolerates, within } = limitsOf(step, exercise)
    const seconds = within === undefined ? '' : `${number(within / 1000)} seconds`
    const limits = [
      ...tolerates === undefined ? [] : [`the [noise](${NOISE_PAGE}) of the machine exceeds ${number(tolerates)} ms`],
      ...within === undefined
        ? []
        : [`the requests ${step.arrived === undefined ? 'take more than' : 'are not finished within'} ${seconds}` +
          (step.arrived === undefined ? '' : ' of the change')]
    ]
    const position = numbered(exercise).indexOf(step) + 1
    return limits.length === 0 ? [] : [{ position, limits: limits.join(', or if ') }]
  })
  return Object.entries(Object.groupBy(limited, ({ limits }) => limits)).map(([limits, steps = []]) => {
    const positions = new Intl.ListFormat('en').format(steps.map(({ position }) => String(position)))
    return `The results of step${steps.length === 1 ? '' : 's'} ${positions} depend on time. They are not judged if ` +
      `${limits}.`
  })
}

/** How the ranges of random shares were computed; empty if the exercise has none. */
function drawsText (steps: Step[]): string[] {
  const pairs = checksOf(steps).flatMap(({ expected }) => expected.kind === 'about'
    ? [`${percent(expected.share)} from ${expected.tellFrom.map(percent).join(' and ')}`]
    : [])
  if (pairs.length === 0) return []
  return ['Each call is an independent random draw, so the results differ from run to run. The probability that a ' +
    `correct mesh fails any check in a run of all exercises is at most ${FALSE_ALARM}. ` +
    `There are enough requests to distinguish ${[...new Set(pairs)].join(', ')} with a probability of ${POWER}. ` +
    'A load ends as soon as its requests suffice for a verdict: a sequential test decides, with the same ' +
    'probabilities. The range is that of the complete sample. With fewer requests, it is a little different.']
}

const link = (file: string) => `[${pathOf(file)}](../../../${pathOf(file)})`

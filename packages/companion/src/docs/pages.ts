import { RATE } from '../judge/calibration.ts'
import { course, FALSE_ALARM_PER_CHECK } from '../course/registry.ts'
import { NEEDS, type Exercise, type Expect, type Inspect, type Need, type Step } from '../course/exercise.ts'
import { expectedText, number, percent } from '../judge/figures.ts'
import { bounds, FALSE_ALARM, POWER } from '../judge/statistics.ts'
import { DOMAIN, pathOf } from '../cluster/manifests.ts'
import { figures, type Figures } from './record.ts'
import { commandOf, limitsOf, requestsOf } from '../run/steps.ts'

/** The documentation of the exercises: a page for each, by its path in the project. */
export function pages (): Map<string, string> {
  const seen = figures()
  return new Map(course.map(exercise => [pageOf(exercise), page(exercise, seen[exercise.id])]))
}

/** The README with the table of exercises between its two marks. */
export function withTable (readme: string): string {
  const seen = figures()
  const rows = course.map(exercise => `| [${exercise.id}](${pageOf(exercise)}) | ${exercise.title} | ${exercise.aim} | ${stateOf(seen[exercise.id])} |`)
  const table = ['| exercise | | what is learned | state |', '|---|---|---|---|', ...rows].join('\n')
  return readme.replace(/(<!-- exercises[^>]*-->\n)[^]*?(\n<!-- \/exercises -->)/, (_, begin: string, end: string) => begin + table + end)
}

/** How its last recorded run came out. */
export function stateOf (seen: Figures[string] | undefined): string {
  if (seen === undefined) return 'not recorded yet'
  if (seen.failed === true) return `failed on ${seen.on}`
  return `passed on ${seen.on}${seen.lacks === undefined ? '' : `; not judged there: what needs ${seen.lacks}`}`
}

function pageOf ({ id }: Exercise): string {
  const [chapter, name] = id.split('.')
  return `docs/exercises/${chapter}/${name}.md`
}

function page (exercise: Exercise, seen: Figures[string] | undefined): string {
  const { id, title, aim, needs, istio, steps, look, controls } = exercise
  return `<!-- Made from packages/companion/src/course/exercises by npm run docs: change it there. -->
# ${id}: ${title}

${aim}

    npm run exercise -- ${id}

This carries all of it out, judges it, and brings back what was in the namespace. To play with it afterwards, add \`--keep\`; \`npm run exercise -- --reset\` brings back the rest then. The commands
below, for by hand, are for a terminal in the project's root, with the exercise's namespace as kubectl's own and a way to the ingress gateway:

    kubectl config set-context --current --namespace istioinaction
    kubectl -n istio-system port-forward service/istio-ingressgateway 8080:80${steps.some(step => step.kind === 'load' && step.tls !== undefined) ? ' 8443:443' : ''}

If your ingress gateway has another name or namespace, use those in the commands, and use its label instead of
\`istio: ingressgateway\` in the files.

${hostText(exercise)}

## What is there at the start

${needs.map(needText).join('\n')}${istio === undefined ? '' : `\n- Istio ${istio} or newer`}

Nothing else of the store or of Istio is in the namespace. What you had there is put aside, and brought back at the end.

## Steps

${steps.filter(step => step.kind !== 'expect').map((step, index) => stepText(step, index + 1, exercise)).join('\n\n')}

## What is to come out

| | expected | allowed | seen |
|---|---|---|---|
${steps.filter(step => 'expected' in step).map(step => rowOf(step, exercise, seen)).join('\n')}

${seen === undefined ? 'No run has been recorded yet.' : `Seen in a run on ${seen.on}${seen.failed === true ? ', in which the exercise failed' : ''}.`}

${soundText(exercise)}${steps.some(step => 'expected' in step && step.expected.kind === 'about')
  ? `The bounds are those of independent draws: right behaviour leaves them so rarely that a run of all exercises has a false alarm with a probability of at most ${FALSE_ALARM}. There are enough requests to tell ${toldApart(steps)} with a probability of ${POWER}.\n\n`
  : ''}## What to look at

${look.map(item => `- ${item}`).join('\n')}

## How it fails

${controls.map(({ when, fails }) => `- When ${when}, "${nameOf(fails, steps)}" is not as expected.`).join('\n')}

The end-to-end tests run it that way too.
`
}

/** The name of a check. */
const nameOf = (id: string, steps: Step[]) => steps.flatMap(step => step.id === id && 'name' in step ? step.name : []).join()

/** What --host makes of the hosts to which the gateway answers. */
function hostText ({ steps }: Exercise): string {
  const hosts = [...new Set(steps.flatMap(step => step.kind === 'load' ? step.host ?? [] : []))]
  if (hosts.length === 0) return 'With `--host NAME` the gateway answers to that host alone: `curl -H \'Host: NAME\' …`.'
  return `With \`--host NAME\` the gateway answers to ${hosts.map(host => `\`${host.replace(DOMAIN, 'NAME')}\``).join(' and ')} in place of ${hosts.map(host => `\`${host}\``).join(' and ')}.`
}

function needText (need: Need): string {
  const { is, file } = NEEDS[need]
  return `- ${is}${file === undefined ? '' : `: ${link(file)}`}`
}

function stepText (step: Step, position: number, exercise: Exercise): string {
  const says = 'says' in step ? step.says : ''
  const more = step.kind === 'load'
    ? ` ${step.during === undefined ? `${number(requestsOf(step, exercise, FALSE_ALARM_PER_CHECK))} requests` : 'Requests go on meanwhile'}, ${step.rate ?? `up to ${RATE}`} a second.`
    : step.kind === 'apply' ? ` ${link(step.file)}` : ''
  return `${position}. ${says}${more}\n\n       ${commandOf(step)}`
}

function rowOf (step: Expect | Inspect, exercise: Exercise, run: Figures[string] | undefined): string {
  const { id, name, expected } = step
  const figure = run?.checks[id]
  const seen = figure === undefined ? '' : `${percent(figure.observed)} of ${number(figure.n)}`
  if (expected.kind === 'exactly') return `| ${name} | ${expectedText(expected)} | | ${seen} |`
  const before = exercise.steps.slice(0, exercise.steps.indexOf(step)).findLast(({ kind }) => kind === 'load')
  const n = expected.kind === 'about' && before?.kind === 'load' ? requestsOf(before, exercise, FALSE_ALARM_PER_CHECK) : undefined // a band is the same for any number
  const { low, high } = bounds(expected, n ?? 0, FALSE_ALARM_PER_CHECK)
  return `| ${name} | ${expectedText(expected)} | ${percent(low)} to ${percent(high)}${n === undefined ? '' : ` of ${number(n)}`} | ${seen} |`
}

/** For each load about time: when it is not judged. */
function soundText (exercise: Exercise): string {
  const texts = exercise.steps.flatMap(step => {
    if (step.kind !== 'load') return []
    const { bears, within } = limitsOf(step, exercise)
    const limits = [
      ...bears === undefined ? [] : [`the machine is late by more than ${number(bears)} ms`],
      ...within === undefined ? [] : [`the load ${step.arrived === undefined ? 'takes more than' : 'is not over within'} ${number(within / 1000)} seconds${step.arrived === undefined ? '' : ' of the change'}`]
    ]
    return limits.length === 0 ? [] : [`The step "${step.says}" depends on time. It is not judged if ${limits.join(', or if ')}.\n\n`]
  })
  return [...new Set(texts)].join('') // two steps may say the same
}

function toldApart (steps: Step[]): string {
  const pairs = steps.flatMap(step => 'expected' in step && step.expected.kind === 'about' ? [`${percent(step.expected.share)} from ${step.expected.tellFrom.map(percent).join(' and ')}`] : [])
  return [...new Set(pairs)].join(', ')
}

const link = (file: string) => `[${pathOf(file)}](../../../${pathOf(file)})`

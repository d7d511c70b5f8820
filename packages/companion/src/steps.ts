import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival, Exercise, Inspect, Load, Step } from './exercise.ts'
import { judge, sampleFor, type Check } from './judgement.ts'
import { quoted } from './kubectl.ts'
import { ask, load, type Call } from './load.ts'
import { argumentsFor, pathOf } from './manifests.ts'
import { added, parseMetrics, type Samples } from './metrics.ts'
import type { Address, Stage } from './stage.ts'
import { Tally } from './tally.ts'
import { PORTS } from './workloads.ts'

/** Requests a second: what two cores carry beside a cluster. */
export const RATE = 100

/** Longer than proxies and services keep what they have to report. */
const STEADY_MS = 7000

/** What goes from step to step of one exercise. */
export interface Play {
  stage: Stage
  exercise: Exercise
  /** the probability of a false alarm that one check may have */
  error: number
  /** milliseconds that are waited for a change to be seen */
  patience: number
  /** of the last load */
  calls: Call[]
  /** when it began, in microseconds */
  since: number
  metrics: Record<string, Samples>
  checks: Check[]
}

/** Carries a step out. */
export async function carryOut (step: Step, play: Play): Promise<void> {
  switch (step.kind) {
    case 'apply': return await play.stage.apply(step.file)
    case 'fault': return await play.stage.chaos(step.arguments)
    case 'load': return await drive(step, play)
    case 'expect': return verdict(play, judge(step.name, step.expected, step.count(play.calls, play.metrics), play.error))
    case 'inspect': return await look(step, play)
  }
}

/** The command of a step as a reader would type it; undefined where there is none. */
export function commandOf (step: Step): string | undefined {
  switch (step.kind) {
    case 'apply': return `kubectl apply ${argumentsFor(pathOf(step.file)).join(' ')}`
    case 'fault': return `scripts/chaos.sh ${step.arguments.join(' ')}`
    case 'load': return curl({ url: `localhost:8080${step.path}`, headers: step.headers })
    case 'inspect': return step.command.map(word => quoted(word.replaceAll('NAMESPACE', 'istioinaction').replace('start=SINCE', 'lookback=5m').replace('SINCE', '0'))).join(' ')
    case 'expect': return undefined
  }
}

/** How many requests a load sends: what the most demanding of the expectations up to the next load needs. */
export function requestsOf (step: Load, { steps }: Pick<Exercise, 'steps'>, error: number): number {
  const after = steps.slice(steps.indexOf(step) + 1)
  const next = after.findIndex(({ kind }) => kind === 'load')
  return Math.max(...(next === -1 ? after : after.slice(0, next)).flatMap(step => 'expected' in step ? sampleFor(step.expected, error) : []))
}

const curl = ({ url, headers }: Address) => ['curl', ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]), url].map(quoted).join(' ')

async function drive (step: Load, play: Play): Promise<void> {
  const { stage, exercise, error } = play
  const address = await stage.address(step.path, step.headers)
  if (step.arrived !== undefined) await arrival(step.arrived, address, play)

  const total = requestsOf(step, exercise, error)
  const before = await scrape(step.scrape, stage)
  stage.kubectl.announce(`${curl(address)}   # ${total} times, ${RATE} a second`, 'lesson')
  const tally = new Tally()
  play.since = Date.now() * 1000
  play.calls = await load({
    ...address,
    rate: RATE,
    until: total,
    signal: stage.kubectl.signal,
    onCall (call) {
      tally.add(call)
      stage.report.progress({ tally, total })
    }
  })
  stage.report.loaded({ tally, total })
  const after = await scrape(step.scrape, stage)
  play.metrics = Object.fromEntries(step.scrape.map(service => [service, added(before[service] as Samples, after[service] as Samples)]))
}

/** Waits for a change to be seen, or until patience is at its end: what follows is judged by itself. */
async function arrival (arrived: Arrival, { url, headers }: Address, { stage, patience }: Play): Promise<void> {
  const deadline = Date.now() + patience
  let inRow = 0
  while (inRow < ('only' in arrived ? 20 : 1) && Date.now() < deadline) {
    const call = await ask(url, headers)
    stage.kubectl.signal?.throwIfAborted()
    inRow = ('only' in arrived ? arrived.only(call) : arrived.seen(call)) ? inRow + 1 : 0
    await sleep(20)
  }
}

async function scrape (services: string[], { kubectl }: Stage): Promise<Record<string, Samples>> {
  const metrics: Record<string, Samples> = {}
  for (const service of services) {
    metrics[service] = parseMetrics(await kubectl.run(['exec', `deploy/${service}`, '-c', service, '--', 'curl', '-s', `localhost:${PORTS[service]}/metrics`], undefined, 'lesson'))
  }
  return metrics
}

async function look (step: Inspect, play: Play): Promise<void> {
  const { stage: { kubectl, report }, error, patience, calls, since } = play
  const { namespace } = kubectl
  const [name = '', ...args] = step.command.map(word => word.replaceAll('NAMESPACE', namespace).replaceAll('SINCE', String(since)))
  const deadline = Date.now() + patience
  let before: number | undefined
  for (;;) {
    const { stdout, stderr } = await (name === 'kubectl' ? kubectl.try(args, undefined, 'lesson') : kubectl.shell(name, args, 'lesson'))
    const count = step.count(stdout, { namespace, calls })
    const check = judge(step.name, step.expected, count, error)
    // What is to be all has come when it is all. A share is judged when it has stopped growing: on its way to all it passes every other.
    const hasCome = step.expected.kind === 'exactly' ? check.ok : before === count.count && count.count > 0
    if (hasCome || Date.now() > deadline) {
      report.output(stdout + stderr)
      return verdict(play, check)
    }
    before = count.count
    await sleep(step.expected.kind === 'exactly' ? 500 : STEADY_MS)
  }
}

function verdict ({ checks, stage }: Play, check: Check): void {
  checks.push(check)
  stage.report.check(check)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { SLOWEST } from '../judge/calibration.ts'
import type { Apply, Arrival, Exercise, Inspect, Load, Observed, Step } from '../course/exercise.ts'
import { number } from '../judge/figures.ts'
import { INGRESS } from '../cluster/gateway.ts'
import { judge, sampleSize, type Check } from '../judge/statistics.ts'
import { quoted } from '../cluster/kubectl.ts'
import { sendRequest, sendBurst, load, type Address, type Call } from '../judge/load.ts'
import { argumentsFor, pathOf } from '../cluster/manifests.ts'
import { increase, parseMetrics, type Samples } from '../judge/metrics.ts'
import type { Delays, DelayMonitor } from '../judge/noise.ts'
import { DEFAULT_TOLERANCE_MS, Disturbed, measurementOf, noiseOf, rounded, SLOW_MS, repeatUntilSound, unsoundReasons, type MeasurementLimits, type Measurement } from '../judge/soundness.ts'
import type { Stage } from './stage.ts'
import { Tally } from '../judge/tally.ts'
import { PORTS } from '../cluster/workloads.ts'

/** How often a load is taken before it counts as not to be judged: at three rates, or twice at the rate that its lesson wants. */
const TIMES = 3
const TIMES_AT_A_RATE = 2

/** Longer than proxies and services keep what they have to report. */
const STEADY_MS = 7000

/** What goes from step to step of one exercise. */
export interface Play {
  stage: Stage
  exercise: Exercise
  /** the probability of a false alarm that one check may have */
  falseAlarm: number
  /** milliseconds that are waited for a change to be seen */
  patience: number
  /** looks at how busy the machine is */
  watch: DelayMonitor
  load: typeof load
  /** requests a second of a load that is not about a rate */
  rate: number
  /** of the last load: how well it could be measured */
  measured: Measurement | undefined
  /** of the last load */
  calls: Call[]
  /** when it began by the cluster's clock, in microseconds, or a little earlier */
  since: number
  metrics: Record<string, Samples>
  /** of the command during which the last load went on */
  output: string
  checks: Check[]
}

/** The mesh cannot show what is left of an exercise. */
export class Lacking extends Error {}

/** Carries a step out. */
export async function carryOut (step: Step, play: Play): Promise<void> {
  switch (step.kind) {
    case 'apply': return await play.stage.apply(step)
    case 'run': return await play.stage.run(step)
    case 'fault': return await play.stage.chaos(step.arguments)
    case 'load': return await drive(step, play)
    case 'expect': return verdict(play, judge(step, step.count(observed(play, play.output)), play.falseAlarm))
    case 'inspect': return await look(step, play)
  }
}

/** The command of a step as a reader would type it; undefined where there is none. */
export function commandOf (step: Step): string | undefined {
  switch (step.kind) {
    case 'apply': return applyOf(step)
    case 'run': return step.command.map(word => quoted(asWritten(word))).join(' ')
    case 'fault': return `scripts/chaos.sh ${step.arguments.join(' ')}`
    case 'load': return loadOf(step)
    case 'inspect': return step.command.map(word => quoted(asWritten(word))).join(' ')
    case 'expect': return undefined
  }
}

function applyOf ({ file, values }: Apply): string {
  const path = pathOf(file)
  const words = Object.entries(values)
  if (words.length === 0) return `kubectl apply ${argumentsFor(path).join(' ')}`
  return `sed "${words.map(([word, source]) => `s|${word}|$(cat ${asWritten(source)})|`).join('; ')}" ${path} | kubectl apply -f -`
}

function loadOf ({ path, method, headers, body, host, tls, during }: Load): string {
  const options = tls === undefined
    ? { url: `localhost:8080${path}`, headers: { ...headers, ...(host !== undefined && { host }) } }
    : { url: `https://${host}:8443${path}`, headers, resolve: `${host}:8443:127.0.0.1`, files: tls }
  const line = curl({ ...options, method, body })
  return during === undefined ? line : `while :; do ${line}; sleep 0.1; done & ${during.map(word => quoted(asWritten(word))).join(' ')}; kill %1`
}

/** A word for whoever follows an exercise by hand. */
function asWritten (word: string): string {
  return word.replaceAll('NAMESPACE', 'istioinaction').replaceAll('GATEWAYS', 'istio-system').replaceAll(/GATEWAY(_APP)?/g, INGRESS).replace('start=SINCE', 'lookback=5m').replace('--since=SINCE', '--since=1m').replace('SINCE', '0').replaceAll('FOLDER', '/tmp/outfitters')
}

/** How many requests a load sends: what the most demanding of the expectations up to the next load needs. */
export function requestsOf (step: Load, exercise: Pick<Exercise, 'steps'>, falseAlarm: number): number {
  return Math.max(...judgesOf(step, exercise).flatMap(step => 'expected' in step ? sampleSize(step.expected, falseAlarm) : []))
}

interface Curl {
  url: string
  method?: string | undefined
  headers?: Record<string, string> | undefined
  body?: string | undefined
  resolve?: string
  files?: Load['tls']
}

function curl ({ url, method = 'GET', headers = {}, body, resolve, files }: Curl, stage?: Stage): string {
  return [
    'curl',
    ...resolve === undefined ? [] : ['--resolve', resolve],
    ...files === undefined ? [] : ['--cacert', files.ca, ...files.cert === undefined ? [] : ['--cert', files.cert], ...files.key === undefined ? [] : ['--key', files.key]],
    ...method === 'GET' || body !== undefined ? [] : ['-X', method],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...body === undefined ? [] : ['-d', body],
    url
  ].map(word => stage === undefined ? asWritten(word) : stage.filled(word)).map(word => word.includes('$(') ? `"${word}"` : quoted(word)).join(' ')
}

/** The steps that judge a load: those between it and the next one. */
function judgesOf (step: Load, { steps }: Pick<Exercise, 'steps'>): Step[] {
  const after = steps.slice(steps.indexOf(step) + 1)
  const next = after.findIndex(({ kind }) => kind === 'load')
  return next === -1 ? after : after.slice(0, next)
}

/** What the expectations after a load demand of its measurement: the least noise that any of them tolerates. */
export function limitsOf (step: Load, exercise: Pick<Exercise, 'steps'>): MeasurementLimits {
  const bears = judgesOf(step, exercise).flatMap(step => step.kind === 'expect' ? step.bears ?? [] : [])
  return { within: step.within, bears: bears.length === 0 ? undefined : Math.min(...bears) }
}

/**
 * Takes a load before anything about it is judged. If the machine was too busy for a fair measurement, the load is
 * taken again at half the rate.
 *
 * @throws {Disturbed} when the machine was too busy each time
 */
async function drive (step: Load, play: Play): Promise<void> {
  const { stage: { report, kubectl: { signal } }, exercise } = play
  const demands = limitsOf(step, exercise)
  let changed: number | undefined
  const { rate } = await repeatUntilSound({
    rate: step.rate ?? play.rate,
    slowest: step.rate ?? SLOWEST, // a lesson about a rate keeps it
    times: step.during !== undefined ? 1 : step.rate !== undefined ? TIMES_AT_A_RATE : TIMES, // a command has changed things, so it cannot run a second time
    take: async rate => {
      const taken = await take(step, rate, play, changed)
      changed = taken.changed
      play.measured = taken.measured
      return taken
    },
    reasons: ({ measured, passed }) => unsoundReasons(measured, { ...demands, passed }, play.calls.length),
    measured: ({ measured }) => measured,
    again: async (reasons, rate) => {
      report.note(`    Not a fair measurement: ${reasons.join('; ')}. The load is sent again, at ${number(rate)} requests a second${step.recovers === undefined ? '' : `, in ${step.recovers / 1000} s`}.`)
      await sleep(step.recovers ?? 0, undefined, { signal })
    }
  })
  if (step.rate === undefined) play.rate = rate
}

/** What was measured of a load, and when the change that it waited for may have taken effect at the earliest: by performance.now(), and in milliseconds before the first request. */
interface Taken {
  measured: Measurement
  changed: number | undefined
  passed: number
}

/** @param earlier when the change may have taken effect that was waited for when the load was taken before */
async function take (step: Load, rate: number, play: Play, earlier: number | undefined): Promise<Taken> {
  const { stage, exercise, falseAlarm } = play
  const address = await stage.address({ ...step, headers: mapValues(step.headers, value => stage.expanded(value)) })
  const changed = step.arrived === undefined ? undefined : await arrival(step.arrived, address, play, earlier)

  const { during } = step
  const total = during === undefined ? requestsOf(step, exercise, falseAlarm) : undefined
  const before = await scrape(step.scrape, stage)
  stage.kubectl.announce(`${told(address, step, stage)}   # ${total === undefined ? '' : `${total} times, `}${rate} a second`, 'lesson')
  const tally = new Tally()
  const ended = new AbortController()
  const { least, most } = stage.clock
  await sleep(most - least) // or the end of the load before it would be seen as well
  play.since = (Date.now() + least) * 1000
  const command = during === undefined ? undefined : stage.command(during.map(word => stage.filled(word))).finally(() => ended.abort())
  const passed = changed === undefined ? 0 : performance.now() - changed
  command?.catch(() => {}) // a signal ends the load as well, which is where it is heard
  const { result: loaded, noise } = await watched(play.watch, () => play.load({
    ...address,
    rate,
    until: total ?? ended.signal,
    signal: stage.kubectl.signal,
    onCall (call) {
      tally.add(call)
      stage.report.progress({ tally, total, rate })
    }
  }))
  play.calls = loaded.calls
  stage.report.loaded({ tally, total, rate })
  const said = await command
  if (said !== undefined) {
    stage.report.output(said.stdout + said.stderr)
    play.output = said.stdout
  }
  const after = await scrape(step.scrape, stage)
  play.metrics = Object.fromEntries(step.scrape.map(service => [service, increase(before[service] as Samples, after[service] as Samples)]))
  return { measured: measurementOf(loaded.calls, loaded.timing, noise), changed, passed }
}

/** The line that makes one request of a load from here. */
function told ({ url, headers = {}, tls }: Address, step: Load, stage: Stage): string {
  const { method, body } = step
  const { host } = headers
  if (tls === undefined) return curl({ url, method, headers: { ...step.headers, ...(host !== undefined && { host }) }, body }, stage)
  const { hostname, port } = new URL(url)
  return curl({ url: url.replace(hostname, tls.servername), method, headers: step.headers, body, resolve: `${tls.servername}:${port || 443}:${hostname}`, files: step.tls }, stage)
}

/**
 * Waits until a change is seen, or until the time is up. The checks that follow then judge what there is.
 *
 * @param earlier when it may have taken effect already
 * @returns the earliest time, by performance.now(), at which it may have taken effect: when the last look began that did not see it
 * @throws {Disturbed} when it was not seen, and the machine was slow
 */
async function arrival (arrived: Arrival, address: Address, { stage, patience, watch }: Play, earlier = performance.now()): Promise<number> {
  const deadline = Date.now() + patience
  const [wanted, pause] = 'only' in arrived ? [3, 100] : [1, 20] // what one call in ten still does is missing from twenty one time in eight
  const hasCome = async () => 'only' in arrived ? (await sendBurst(address)).every(arrived.only) : arrived.seen(await sendRequest(address))
  let changed = earlier
  const { noise, result: inARow } = await watched(watch, async () => {
    let inARow = 0
    while (inARow < wanted && Date.now() < deadline) {
      stage.kubectl.signal?.throwIfAborted()
      const began = performance.now()
      inARow = await hasCome() ? inARow + 1 : 0
      if (inARow === 0) changed = began
      if (inARow < wanted) await sleep(pause)
    }
    return inARow
  })
  if (inARow < wanted) mayBeJudged(noise, patience)
  return changed
}

/** @throws {Disturbed} when the machine was slow during a wait that ended without success */
function mayBeJudged (noise: Delays, patience: number): void {
  if (noiseOf(noise) > SLOW_MS) throw disturbed(`a change was not seen within ${number(patience / 1000)} s`, noise)
}

/** @throws {Disturbed} when a share has stopped growing on a machine that stalls: what makes it grow may have stopped as well */
export function shareMayBeJudged (noise: Delays): void {
  if (noiseOf(noise) > DEFAULT_TOLERANCE_MS) throw disturbed('what was counted may still have grown', noise)
}

function disturbed (what: string, noise: Delays): Disturbed {
  const late = noiseOf(noise)
  return new Disturbed([`${what}, on a machine that was late by ${number(Math.round(late))} ms`], rounded({ ...noise, noise: late }))
}

/** The result of an action that takes a while, and how busy the machine was during it. */
async function watched<T> (watch: DelayMonitor, action: () => Promise<T>): Promise<{ result: T, noise: Delays }> {
  const end = watch()
  let noise: Delays | undefined
  try {
    const result = await action()
    noise = await end()
    return { result, noise }
  } finally {
    if (noise === undefined) await end()
  }
}

async function scrape (services: string[], { kubectl }: Stage): Promise<Record<string, Samples>> {
  const metrics: Record<string, Samples> = {}
  for (const service of services) {
    const app = service.replace(/-v\d+$/, '')
    metrics[service] = parseMetrics(await kubectl.run(['exec', `deploy/${service}`, '-c', app, '--', 'curl', '-s', `localhost:${PORTS[app]}/metrics`], undefined, 'lesson'))
  }
  return metrics
}

async function look (step: Inspect, play: Play): Promise<void> {
  const { stage, falseAlarm, patience, since, watch } = play
  const { report } = stage
  const words = step.command.map(word => stage.filled(word).replace('--since=SINCE', `--since-time=${new Date(since / 1000).toISOString()}`).replaceAll('SINCE', String(since)))
  const deadline = Date.now() + patience
  let before: number | undefined
  const { result: { check, hasCome }, noise } = await watched(watch, async () => {
    for (;;) {
      const { stdout, stderr } = await stage.command(words)
      const lacks = step.lacks?.(stdout)
      if (lacks !== undefined) throw new Lacking(lacks)
      const count = step.count(observed(play, stdout))
      const check = judge(step, count, falseAlarm)
      // A check that expects an exact share waits for it. Any other share is judged when it stops growing, because
      // until then it passes every smaller one.
      const hasCome = step.expected.kind === 'exactly' ? check.ok : before === count.count && count.count > 0
      if (hasCome || Date.now() > deadline) {
        report.output(stdout + stderr)
        return { check, hasCome }
      }
      before = count.count
      await sleep(step.expected.kind === 'exactly' ? 500 : STEADY_MS)
    }
  })
  if (!hasCome) mayBeJudged(noise, patience)
  else if (step.expected.kind !== 'exactly') shareMayBeJudged(noise)
  verdict(play, check)
}

/** What the checks judge, with what a command printed. */
function observed ({ calls, metrics, stage: { kubectl: { namespace }, gatewayInTraces: gateway } }: Play, output: string): Observed {
  return { calls, metrics, output, namespace, gateway }
}

function verdict ({ checks, stage, measured }: Play, judged: Check): void {
  const check = { ...judged, ...(measured !== undefined && { measured }) }
  checks.push(check)
  stage.report.check(check)
}

const mapValues = (record: Record<string, string>, change: (value: string) => string) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))

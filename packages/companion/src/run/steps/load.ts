import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../cluster/until.ts'
import { PORTS } from '../../cluster/workloads.ts'
import type { Arrival, Load } from '../../course/exercise.ts'
import { fillPlaceholders, VALUES_BY_HAND } from '../../course/placeholders.ts'
import { SLOWEST } from '../../judge/calibration.ts'
import { sendRequest, sendBurst, type Address, type Call } from '../../judge/load.ts'
import { increase, parseMetrics, type Samples } from '../../judge/metrics.ts'
import { number } from '../../judge/numbers.ts'
import { measurementOf, repeatUntilSound, unsoundReasons, type Measurement } from '../../judge/soundness.ts'
import { isDecided } from '../../judge/statistics.ts'
import { Tally } from '../../judge/tally.ts'
import type { Environment } from '../environment.ts'
import { observedBy, type ExerciseRun } from '../exercise-run.ts'
import { curlLine } from './curl.ts'
import { measureNoise, requireQuietWait } from './noise.ts'
import { limitsOf, sampleOf, type Sample } from './sample-size.ts'
import { lineByHand } from './words.ts'

/** How often a load is sent before it counts as not judged: at falling rates, or twice at the rate that it sets. */
const ATTEMPTS = 3
const ATTEMPTS_AT_A_RATE = 2

/**
 * Sends a load before anything about it is judged. If the machine was too busy for a fair measurement, the load is sent
 * again at a lower rate.
 *
 * @throws {Disturbed} when the machine was too busy each time
 */
export async function perform (step: Load, run: ExerciseRun): Promise<void> {
  const { environment: { report, kubectl: { signal } }, exercise } = run
  const demands = limitsOf(step, exercise)
  let changed: number | undefined
  const { rate } = await repeatUntilSound({
    rate: step.rate ?? run.rate,
    slowest: step.rate ?? SLOWEST, // a lesson about a rate keeps it
    times: attemptsFor(step),
    take: async rate => {
      const sent = await sendOnce(step, rate, run, changed)
      changed = sent.changed
      run.measured = sent.measured
      return sent
    },
    reasons: ({ measured, passed }) => unsoundReasons(measured, { ...demands, passed }, run.calls.length),
    measured: ({ measured }) => measured,
    again: async (reasons, rate) => {
      const pause = step.recovers === undefined ? '' : `, in ${step.recovers / 1000} s`
      report.note(`    Not a fair measurement: ${reasons.join('; ')}. ` +
        `The load is sent again, at ${number(rate)} requests a second${pause}.`)
      await sleep(step.recovers ?? 0, undefined, { signal })
    }
  })
  if (step.rate === undefined) run.rate = rate
}

/** The call of curl that sends one of the requests; in a loop if a command runs meanwhile. */
export function commandFor ({ path, method, headers, body, host, tls, during }: Load): string {
  const request = tls === undefined
    ? { url: `localhost:8080${path}`, headers: { ...headers, ...(host !== undefined && { host }) } }
    : { url: `https://${host}:8443${path}`, headers, resolve: `${host}:8443:127.0.0.1`, files: tls }
  const line = curlLine({ ...request, method, body }, word => fillPlaceholders(word, VALUES_BY_HAND))
  return during === undefined ? line : `while :; do ${line}; sleep 0.1; done & ${lineByHand(during)}; kill %1`
}

function attemptsFor ({ during, rate }: Load): number {
  if (during !== undefined) return 1 // its command has changed things, so it cannot run a second time
  return rate === undefined ? ATTEMPTS : ATTEMPTS_AT_A_RATE
}

/** A load that was sent once. */
interface Sent {
  measured: Measurement
  /** the earliest time at which the awaited change may have taken effect, by performance.now() */
  changed: number | undefined
  /** the milliseconds from then to the first request */
  passed: number
}

/** @param earlier if the load was sent before: when the awaited change may have taken effect */
async function sendOnce (step: Load, rate: number, run: ExerciseRun, earlier: number | undefined): Promise<Sent> {
  const { environment, exercise, falseAlarm } = run
  const { kubectl, report } = environment
  const headers = Object.entries(step.headers).map(([name, value]) => [name, environment.expand(value)])
  const address = await environment.gateway.address({ ...step, headers: Object.fromEntries(headers) })
  const { arrived } = step
  const changed = arrived === undefined ? undefined : await waitForChange(arrived, address, run, earlier)

  const { during } = step
  const sample = during === undefined ? sampleOf(step, exercise, falseAlarm) : undefined
  const total = sample?.most
  const before = await scrape(step.scrape, environment)
  const times = sample === undefined ? '' : `${sample.least < sample.most ? 'up to ' : ''}${sample.most} times, `
  kubectl.announce(`${lineForRun(address, step, environment)}   # ${times}${rate} a second`, 'lesson')
  const tally = new Tally()
  const ended = new AbortController()
  const { least, most } = environment.clock
  await sleep(most - least) // otherwise `since` could be before the end of the previous load
  run.since = (Date.now() + least) * 1000
  run.decided = new Map()
  const command = during === undefined
    ? undefined
    : environment.execute(during.map(word => environment.fill(word))).finally(() => ended.abort())
  const passed = changed === undefined ? 0 : performance.now() - changed
  const interrupted = environment.gateway.interruptions
  command?.catch(() => {}) // if a signal ends it, the load is ended as well, and throws
  const { result: sent, noise } = await measureNoise(run.monitor, () => run.send({
    ...address,
    rate,
    until: total ?? ended.signal,
    isEnough: sample === undefined ? undefined : calls => decideEarly(calls, sample, run),
    signal: kubectl.signal,
    onCall (call) {
      tally.add(call)
      report.progress({ tally, total, rate })
    }
  }))
  run.calls = sent.calls
  report.loaded({ tally, total: total && tally.calls, rate })
  const printed = await command
  if (printed !== undefined) {
    report.output(printed.stdout + printed.stderr)
    run.output = printed.stdout
  }
  const after = await scrape(step.scrape, environment)
  run.metrics = Object.fromEntries(step.scrape.map(service =>
    [service, increase(before[service] as Samples, after[service] as Samples)]))
  const interruptions = environment.gateway.interruptions - interrupted
  return { measured: measurementOf(sent.calls, sent.timing, noise, interruptions), changed, passed }
}

/**
 * Judges the checks for which the load could end early, and records the first count that decides each of them.
 *
 * @returns whether the load can end: all of them are decided
 */
function decideEarly (calls: Call[], { least, sequential }: Sample, run: ExerciseRun): boolean {
  if (sequential.length === 0 || calls.length < least) return false
  for (const check of sequential.filter(({ id }) => !run.decided.has(id))) {
    const counted = check.count({ ...observedBy(run, ''), calls })
    if (isDecided(check.expected, counted, run.falseAlarm)) run.decided.set(check.id, counted)
  }
  return sequential.every(({ id }) => run.decided.has(id))
}

/** The line that sends one of the requests from this machine. */
function lineForRun ({ url, headers = {}, tls }: Address, step: Load, environment: Environment): string {
  const { method, body } = step
  const { host } = headers
  const fill = (word: string) => environment.fill(word)
  if (tls === undefined) {
    return curlLine({ url, method, headers: { ...step.headers, ...(host !== undefined && { host }) }, body }, fill)
  }
  const { hostname, port } = new URL(url)
  return curlLine({
    url: url.replace(hostname, tls.servername),
    method,
    headers: step.headers,
    body,
    resolve: `${tls.servername}:${port || 443}:${hostname}`,
    files: step.tls
  }, fill)
}

/**
 * Waits until a change is seen, or until the time is up. The checks that follow judge whatever there is then.
 *
 * @param earlier when the change may have taken effect already
 * @returns the earliest time, by performance.now(), at which it may have taken effect: the beginning of the last
 * attempt that did not see it
 * @throws {Disturbed} when it was not seen, and the machine was slow
 */
async function waitForChange (
  arrived: Arrival, address: Address, { environment, patience, monitor }: ExerciseRun, earlier = performance.now()
): Promise<number> {
  // While one call in ten is still served as before the change, twenty calls at once all look changed with a
  // probability of 1/8. Three bursts in a row look so by chance in 1 of 500 cases.
  const [wanted, interval] = 'only' in arrived ? [3, 100] : [1, 20]
  const isChanged = async () => 'only' in arrived
    ? (await sendBurst(address)).every(arrived.only)
    : arrived.seen(await sendRequest(address))
  let changed = earlier
  let inARow = 0
  const isSeen = async () => {
    const began = performance.now()
    inARow = await isChanged() ? inARow + 1 : 0
    if (inARow === 0) changed = began
    return inARow >= wanted
  }
  const { signal } = environment.kubectl
  const { result, noise } = await measureNoise(monitor, () => until(isSeen, { timeout: patience, interval, signal }))
  if (!result) requireQuietWait(noise, patience)
  return changed
}

/** Reads the metrics of services, by the name of the service. */
async function scrape (services: string[], { kubectl }: Environment): Promise<Record<string, Samples>> {
  const metrics: Record<string, Samples> = {}
  for (const service of services) {
    const app = service.replace(/-v\d+$/, '')
    const curl = ['exec', `deploy/${service}`, '-c', app, '--', 'curl', '-s', `localhost:${PORTS[app]}/metrics`]
    metrics[service] = parseMetrics(await kubectl.run(curl, undefined, 'lesson'))
  }
  return metrics
}

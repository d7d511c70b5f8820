import type { Call } from '../judge/load.ts'
import type { Count, Expected } from '../judge/statistics.ts'
import type { Apply, Expect, Fault, Inspect, Load, Run } from './exercise.ts'

/** Applies a file or folder beneath k8s/. By default, the id of the step is made of the name of the file. */
export function apply (
  file: string, says: string, { id = nameOf(file), values = {} }: Partial<Pick<Apply, 'id' | 'values'>> = {}
): Apply {
  return { kind: 'apply', id: `apply-${id}`, says, file, values }
}

/**
 * Runs a command. By default, the id of the step is made of its first words.
 *
 * @param command words separated by spaces; no shell reads them
 */
export function run (
  command: string, says: string, { id = slug(firstWords(command)), makes = [] }: Partial<Pick<Run, 'id' | 'makes'>> = {}
): Run {
  return { kind: 'run', id, says, command: command.split(' '), makes }
}

/**
 * Sets a fault. The id of the step is made of its arguments: `500 50` is fault-500-50.
 *
 * @param words the arguments of scripts/chaos.sh, separated by spaces
 */
export const fault = (words: string, says: string): Fault =>
  ({ kind: 'fault', id: `fault-${slug(words)}`, says, arguments: words.split(' ') })

/** Sends requests for a path through the gateway. */
export const load = (id: string, path: string, step: Pick<Load, 'says'> & Partial<Omit<Load, 'id'>>): Load =>
  ({ kind: 'load', id, path, method: 'GET', headers: {}, scrape: [], ...step })

/** Which calls a check is about, and the noise in milliseconds that it tolerates if it is about time. */
interface ExpectOptions {
  among?: (call: Call) => boolean
  tolerates?: number
}

/** Expects `is` to be true for a share of the calls, or of the calls that `among` selects. */
export function expect (
  id: string, name: string, expected: Expected, is: (call: Call) => boolean,
  { among = () => true, ...options }: ExpectOptions = {}
): Expect {
  const count: Expect['count'] = ({ calls }) => share(calls.filter(among), is)
  return { ...expectCount(id, name, expected, count, options), ofCalls: true }
}

/** Expects a share of what `count` counts: in the calls, in the metrics, or in what a command printed. */
export const expectCount = (
  id: string, name: string, expected: Expected, count: Expect['count'],
  { tolerates }: Pick<ExpectOptions, 'tolerates'> = {}
): Expect => ({
  kind: 'expect', id, name, expected, ...(tolerates !== undefined && { tolerates }), ofCalls: false, count
})

/** Expects a share of what `count` counts in what a command prints. */
export const inspect = (id: string, name: string, step: Omit<Inspect, 'kind' | 'id' | 'name'>): Inspect =>
  ({ kind: 'inspect', id, name, ...step })

/** Turns yes or no into a count: 1 of 1, or 0 of 1. */
export const once = (isSo: boolean): Count => ({ count: isSo ? 1 : 0, of: 1 })

/** Counts the things for which `is` is true. */
export function share<T> (things: T[], is: (thing: T) => boolean): Count {
  return { count: things.filter(is).length, of: things.length }
}

/** The name of a file without its folder and its ending; that of k8s/ itself is `store`. */
const nameOf = (file: string) => slug(file.replace(/^.*\/|\.yaml$/g, '')) || 'store'

const firstWords = (command: string) => command.split(' ').slice(0, 5).join(' ')

/** Turns `latency 1000 --version v2` into latency-1000-version-v2. */
const slug = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')

import type { Count, Expected } from '../judge/statistics.ts'
import type { Call } from '../judge/load.ts'
import type { Apply, Expect, Fault, Inspect, Load, Run } from './exercise.ts'

/** Applies a file or folder beneath k8s/. By default, the name of the file is the id of the step. */
export const apply = (file: string, says: string, { id = slug(file.replace(/^.*\/|\.yaml$/g, '')) || 'store', values = {} }: Partial<Pick<Apply, 'id' | 'values'>> = {}): Apply =>
  ({ kind: 'apply', id: `apply-${id}`, says, file, values })

/** @param command without a shell, words separated by spaces. By default, its first words are the id of the step. */
export const run = (command: string, says: string, { id = slug(command.split(' ').slice(0, 5).join(' ')), makes = [] }: Partial<Pick<Run, 'id' | 'makes'>> = {}): Run =>
  ({ kind: 'run', id, says, command: command.split(' '), makes })

/** @param words the arguments of scripts/chaos.sh, as in `500 50`: the id of the step is `fault-500-50` then */
export const fault = (words: string, says: string): Fault => ({ kind: 'fault', id: `fault-${slug(words)}`, says, arguments: words.split(' ') })

export const load = (id: string, path: string, step: Pick<Load, 'says'> & Partial<Omit<Load, 'id'>>): Load =>
  ({ kind: 'load', id, path, method: 'GET', headers: {}, scrape: [], ...step })

/**
 * Expects a share of the calls, or of those `among` them, to be as `is` says. A check about time tolerates (`bears`)
 * only so many milliseconds of noise.
 */
export const expect = (id: string, name: string, expected: Expected, is: (call: Call) => boolean, { among = () => true, bears }: { among?: (call: Call) => boolean, bears?: number } = {}): Expect =>
  ({ kind: 'expect', id, name, expected, ...(bears !== undefined && { bears }), count: ({ calls }) => share(calls.filter(among), is) })

/** Expects it of what the scraped services counted meanwhile, or of what the command printed during which the load went on. */
export const expectCount = (id: string, name: string, expected: Expected, count: Expect['count'], { bears }: { bears?: number } = {}): Expect =>
  ({ kind: 'expect', id, name, expected, ...(bears !== undefined && { bears }), count })

export const inspect = (id: string, name: string, step: Omit<Inspect, 'kind' | 'id' | 'name'>): Inspect => ({ kind: 'inspect', id, name, ...step })

/** Something that is so, or is not: one of one, or none. */
export const once = (isSo: boolean): Count => ({ count: isSo ? 1 : 0, of: 1 })

/** How many of them are like that. */
export function share<T> (things: T[], is: (thing: T) => boolean): Count {
  return { count: things.filter(is).length, of: things.length }
}

/** `latency 1000 --version v2` as latency-1000-version-v2. */
const slug = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { Result } from '../run/reporter.ts'
import type { Summary } from '../run/run.ts'

/** What a run of the exercises has shown, by the ids of exercise and check: as the pages tell it. */
export type Figures = Record<string, { on: string, failed?: true, lacks?: string, checks: Record<string, { observed: number, n: number }> }>

const FILE = new URL('../../figures.json', import.meta.url)

/** The last figures of each exercise. */
export const figures = (): Figures => existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) as Figures : {}

/**
 * Takes the figures of the exercises over from the JSON of a run.
 *
 * @throws {Error} when the file is no such JSON, or none was run
 */
export function record (file: string): void {
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as Summary
  const on = statSync(file).mtime.toISOString().slice(0, 10)
  if (results.length === 0) throw new Error(`no exercise was run in ${file}`)
  writeFileSync(FILE, `${JSON.stringify({ ...figures(), ...figuresOf(results, on) }, null, 2)}\n`)
}

/**
 * A failed result replaces an older one that passed. A result that was not judged says nothing, so the older one stays.
 */
export function figuresOf (results: Result[], on: string): Figures {
  return Object.fromEntries(results.filter(({ verdict }) => verdict !== 'unjudged').map(({ id, verdict, checks, unjudged = [] }) => [id, {
    on,
    ...(verdict !== 'pass' && { failed: true }),
    ...(unjudged[0]?.lacks !== undefined && { lacks: unjudged[0].lacks }),
    checks: Object.fromEntries(checks.map(({ id, observed, n }) => [id, { observed, n }]))
  }]))
}

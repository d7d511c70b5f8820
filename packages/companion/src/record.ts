import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { Summary } from './run.ts'

/** What a run of the exercises has shown, by exercise and check: as the pages tell it. */
export type Figures = Record<string, { on: string, lacks?: string, checks: Record<string, { observed: number, n: number }> }>

const FILE = new URL('../figures.json', import.meta.url)

/** The last figures of each exercise that passed. */
export const figures = (): Figures => existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) as Figures : {}

/**
 * Takes the figures of the exercises that passed over from the JSON of a run.
 *
 * @throws {Error} when the file is no such JSON, or none passed
 */
export function record (file: string): void {
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as Summary
  const on = statSync(file).mtime.toISOString().slice(0, 10)
  const passed = results.filter(({ verdict }) => verdict === 'pass')
  if (passed.length === 0) throw new Error(`no exercise has passed in ${file}`)
  const seen = passed.map(({ id, checks, unjudged = [] }) => [id, { on, ...(unjudged[0] !== undefined && { lacks: unjudged[0].lacks }), checks: Object.fromEntries(checks.map(({ name, observed, n }) => [name, { observed, n }])) }])
  const all: Figures = { ...figures(), ...Object.fromEntries(seen) }
  writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`)
}

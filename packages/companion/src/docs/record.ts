import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { Result, Summary } from '../run/reporter.ts'

/** The recorded results of the exercises, by the ids of exercise and check. The pages show them. */
export type Figures = Record<string, ExerciseFigures>

/** The recorded result of an exercise. */
export interface ExerciseFigures {
  /** the day of the run, as in 2026-01-31 */
  on: string
  failed?: true
  /** what the mesh lacked for the checks that were not judged */
  lacks?: string
  /** by the id of a check: which share of how many observations had what it expects */
  checks: Record<string, { observed: number, n: number }>
}

const FILE = new URL('../../figures.json', import.meta.url)

/** The recorded results: figures.json. */
export const figures = (): Figures => existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) as Figures : {}

/**
 * Records the results of a run in figures.json.
 *
 * @param file the output of `npm run exercise -- … --json`
 * @throws {Error} if the file is not such an output, or has no results
 */
export function record (file: string): void {
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as Summary
  const on = statSync(file).mtime.toISOString().slice(0, 10)
  if (results.length === 0) throw new Error(`${file} has no results: no exercise was run.`)
  writeFileSync(FILE, `${JSON.stringify({ ...figures(), ...figuresOf(results, on) }, null, 2)}\n`)
}

/**
 * The figures of these results. Exercises that were not judged are left out, so that their older figures stay.
 *
 * @param on the day of the run
 */
export function figuresOf (results: Result[], on: string): Figures {
  const judged = results.filter(({ verdict }) => verdict !== 'unjudged')
  return Object.fromEntries(judged.map(({ id, verdict, checks, unjudged: [first] = [] }) => [id, {
    on,
    ...(verdict !== 'pass' && { failed: true }),
    ...(first?.lacks !== undefined && { lacks: first.lacks }),
    checks: Object.fromEntries(checks.map(({ id, observed, n }) => [id, { observed, n }]))
  }]))
}

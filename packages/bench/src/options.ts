import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values: { quick, json, against, only } } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    against: { type: 'string' },
    only: { type: 'string' }
  }
})

/** Whether to print JSON. */
export const JSON_OUTPUT = json

/** The root of another checkout, whose services are measured too; undefined without `--against`. */
export const OTHER_ROOT = against === undefined ? undefined : resolve(process.env['INIT_CWD'] ?? '', against)

/** The measurements to make: all, or those whose name has this text. */
export const ONLY = only ?? ''

const QUICK = { rounds: 2, roundsMs: 5_000, requests: 2_000, starts: 1, growthRounds: 1, growthMs: 300 }
const FULL = { rounds: 9, roundsMs: 60_000, requests: 10_000, starts: 7, growthRounds: 3, growthMs: 1_500 }

/** The size of the measurements. With `--quick`, they are short, and the results are rough. */
export const SIZE = quick
  ? { ...QUICK, pageMs: 10_000, pageMinutes: 2, limitMs: 360_000 }
  : { ...FULL, pageMs: 20_000, pageMinutes: 10, limitMs: 2_400_000 }

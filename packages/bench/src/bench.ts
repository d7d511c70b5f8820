// npm run bench -- [--quick] [--json] [--only TEXT] [--against FOLDER]: measures the services, compares the results
// with their targets, and shows how the cost of a request grows.
import { availableParallelism, loadavg } from 'node:os'
import { Missing } from './contenders.ts'
import { catalogGrowth, growthText, sentencesAbout, webappGrowth, type Series } from './growth.ts'
import { JSON_OUTPUT, ONLY, SIZE } from './options.ts'
import { catalogRows, goRows, tracingRows, webappRows } from './rows/cpu.ts'
import { imageRows } from './rows/image.ts'
import { memoryRows } from './rows/memory.ts'
import { npmStartRows } from './rows/npm-start.ts'
import { pageRows } from './rows/page.ts'
import { startRows } from './rows/start.ts'
import { summaryOf, tableOf, verdictOf, type Measured, type Row } from './table.ts'

/** The measurements, in their order. Each starts the processes that it needs, and ends them. */
const ROWS: Record<string, () => Promise<Measured[]>> = {
  'CPU, catalog': catalogRows,
  'CPU, webapp': webappRows,
  'CPU, catalog and Go': goRows,
  'CPU, tracing': tracingRows,
  'start to ready': startRows,
  memory: memoryRows,
  image: imageRows,
  'npm start': npmStartRows,
  page: pageRows
}

const GROWTH: Record<string, () => Promise<Series[]>> = {
  'growth, catalog': catalogGrowth,
  'growth, webapp': webappGrowth
}

if (process.platform !== 'linux') {
  console.error('The benchmark reads CPU time and memory from /proc, which only Linux has. ' +
    `This is ${process.platform}: run it on a Linux machine or in a container.`)
  process.exit(1)
}
setTimeout(() => {
  console.error(`The benchmark was not finished after ${SIZE.limitMs / 1000} s, so it ends. ` +
    'If this machine is busy, try again later; or run npm run bench -- --quick.')
  process.exit(1)
}, SIZE.limitMs).unref()
if ((loadavg()[0] ?? 0) > availableParallelism()) {
  console.error('Other processes keep this machine busy: expect longer times.')
}

const rows: Row[] = []
const growth: Series[] = []
for (const [what, measure] of Object.entries(ROWS)) {
  await attempt(what, async () => { rows.push(...await measure()) })
}
for (const [what, measure] of Object.entries(GROWTH)) {
  await attempt(what, async () => { growth.push(...await measure()) })
}
if (JSON_OUTPUT) {
  const judged = rows.map(row => ({ ...row, verdict: verdictOf(row) }))
  const described = growth.map(series => ({ ...series, sentences: sentencesAbout(series) }))
  console.log(JSON.stringify({ rows: judged, growth: described }, null, 2))
} else {
  if (rows.length > 0) console.log(`\n${tableOf(rows)}\n\n${summaryOf(rows)}`)
  if (growth.length > 0) console.log(`\n${growthText(growth)}`)
}
process.exitCode = rows.some(row => 'failed' in row && row.failed) ? 1 : 0

/** Makes a measurement. If it fails, the table says why, and the next measurements still run. */
async function attempt (what: string, measure: () => Promise<void>): Promise<void> {
  if (!what.includes(ONLY)) return
  console.error(`Measuring ${what} …`)
  try {
    await measure()
  } catch (error) {
    const failed = !(error instanceof Missing)
    if (failed) console.error(error)
    rows.push({ what, reason: (error as Error).message, failed })
  }
}

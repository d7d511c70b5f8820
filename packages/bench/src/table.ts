/** The result of a measurement. */
export interface Measured {
  what: string
  unit: '×' | 's' | 'MiB' | 'MB' | '%'
  /** in the unit of the row; the median if there were several measurements */
  value: number
  /** the lowest and the highest of several measurements */
  spread?: [number, number] | undefined
  /** the same measurement of the other checkout, with `--against` */
  before?: number | undefined
  /** the target: the highest value that is still good, in the unit of the row; undefined if the row only informs */
  target?: number | undefined
  /** the absolute numbers behind a ratio */
  note?: string | undefined
}

/** A measurement that did not run, or a group of them. */
export interface NotRun {
  what: string
  /** why it did not run */
  reason: string
  /** whether that is a failure. A tool that is missing on this machine is none. */
  failed: boolean
}

/** A row of the table of results. */
export type Row = Measured | NotRun

/** Compares a row with its target. The value is rounded as in the table, so that 2.00 is not over 2. */
export function verdictOf (row: Row): 'ok' | 'over' | '' | 'not run' {
  if ('reason' in row) return 'not run'
  if (row.target === undefined) return ''
  return Number(shown(row.value, row)) <= row.target ? 'ok' : 'over'
}

/** The rows as a table for a terminal. Rows that were not measured come with their reason. */
export function tableOf (rows: Row[]): string {
  const hasBefore = rows.some(row => 'before' in row && row.before !== undefined)
  const cells = [['what', 'before', 'measured', 'spread', 'target', '', ''], ...rows.map(cellsOf)]
  return aligned(hasBefore ? cells : cells.map(line => line.toSpliced(1, 1)))
}

function cellsOf (row: Row): string[] {
  const verdict = verdictOf(row)
  if ('reason' in row) return [row.what, '', '', '', '', verdict, row.reason.replaceAll(/\s+/g, ' ').slice(0, 160)]
  const inUnit = (value: number | undefined, text = (value: number) => shown(value, row)) =>
    value === undefined ? '' : `${text(value)} ${row.unit}`
  const spread = row.spread?.map(value => shown(value, row)).join('–') ?? ''
  const target = inUnit(row.target, value => `≤ ${value}`)
  return [row.what, inUnit(row.before), inUnit(row.value), spread, target, verdict, row.note ?? '']
}

/** Lines of cells, with columns of equal width. */
export function aligned (lines: string[][]): string {
  const widthOf = (column: number) => Math.max(...lines.map(line => line[column]?.length ?? 0))
  return lines.map(line => line.map((cell, column) => cell.padEnd(widthOf(column))).join('  ').trimEnd()).join('\n')
}

/** The last line: how many rows meet their target. */
export function summaryOf (rows: Row[]): string {
  const count = (verdict: string) => rows.filter(row => verdictOf(row) === verdict).length
  const [ok, over, notRun] = [count('ok'), count('over'), count('not run')]
  return `${ok} of ${ok + over} rows meet their target${notRun === 0 ? '' : `; ${notRun} did not run`}`
}

function shown (value: number, { unit }: Measured): string {
  return value.toFixed(unit === '×' ? 2 : unit === 's' ? 1 : 0)
}

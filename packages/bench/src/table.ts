/** The result of a measurement. */
export interface Measured {
  what: string
  unit: '×' | 'ms' | 'MiB'
  /** in the unit of the row; the median if there were several measurements */
  value: number
  /** the lowest and the highest of several measurements */
  spread?: [number, number]
  /** the target: the highest value that is still good, in the unit of the row */
  reach: number
  /** the absolute numbers behind a ratio */
  note?: string
}

/** A measurement that did not run, or a group of them. */
export interface Failed {
  what: string
  failure: string
}

/** A row of the table of results. */
export type Row = Measured | Failed

/** Compares a row with its target. The value is rounded as in the table, so that 2.00 is not over 2. */
export function verdictOf (row: Row): 'ok' | 'over' | 'not run' {
  if ('failure' in row) return 'not run'
  return Number(shown(row.value, row)) <= row.reach ? 'ok' : 'over'
}

/** The rows as a table for a terminal. */
export function tableOf (rows: Row[]): string {
  const cells = [['what', 'measured', 'spread', 'target', '', ''], ...rows.map(cellsOf)]
  const widthOf = (column: number) => Math.max(...cells.map(line => line[column]?.length ?? 0))
  return cells.map(line => line.map((cell, column) => cell.padEnd(widthOf(column))).join('  ').trimEnd()).join('\n')
}

function cellsOf (row: Row): string[] {
  const verdict = verdictOf(row)
  if ('failure' in row) return [row.what, '', '', '', verdict, row.failure.replaceAll(/\s+/g, ' ').slice(0, 120)]
  const spread = row.spread?.map(value => shown(value, row)).join('–') ?? ''
  const [value, target] = [`${shown(row.value, row)} ${row.unit}`, `≤ ${row.reach} ${row.unit}`]
  return [row.what, value, spread, target, verdict, row.note ?? '']
}

/** The last line: how many rows meet their target. */
export function summaryOf (rows: Row[]): string {
  const count = (verdict: string) => rows.filter(row => verdictOf(row) === verdict).length
  const notRun = count('not run')
  return `${count('ok')} of ${rows.length} rows meet their target${notRun === 0 ? '' : `; ${notRun} did not run`}`
}

function shown (value: number, { unit }: Measured): string {
  return value.toFixed(unit === '×' ? 2 : 0)
}

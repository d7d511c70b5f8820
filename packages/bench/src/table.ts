/** One thing that was measured. */
export interface Measured {
  what: string
  unit: '×' | 'ms' | 'MiB'
  /** in the row's unit; the median where it was measured several times */
  value: number
  /** the least and the most of several times */
  spread?: [number, number]
  /** at most this (the design's "Numbers to reach"), in the row's unit */
  reach: number
  /** what stands behind the number */
  note?: string
}

/** One thing, or a group of them, that was to be measured and did not run. */
export interface Failed {
  what: string
  failure: string
}

export type Row = Measured | Failed

/** Judged as it is shown, so that no 2.00 is over a 2. */
export function verdictOf (row: Row): 'ok' | 'over' | 'not run' {
  if ('failure' in row) return 'not run'
  return Number(shown(row.value, row)) <= row.reach ? 'ok' : 'over'
}

/** The rows as a table for a terminal. */
export function tableOf (rows: Row[]): string {
  const cells = [['what', 'measured', 'spread', 'reach', '', ''], ...rows.map(cellsOf)]
  const widthOf = (column: number) => Math.max(...cells.map(line => line[column]?.length ?? 0))
  return cells.map(line => line.map((cell, column) => cell.padEnd(widthOf(column))).join('  ').trimEnd()).join('\n')
}

function cellsOf (row: Row): string[] {
  if ('failure' in row) return [row.what, '', '', '', verdictOf(row), row.failure.replaceAll(/\s+/g, ' ').slice(0, 120)]
  const spread = row.spread?.map(value => shown(value, row)).join('–') ?? ''
  return [row.what, `${shown(row.value, row)} ${row.unit}`, spread, `≤ ${row.reach} ${row.unit}`, verdictOf(row), row.note ?? '']
}

/** The last line: how many rows are within reach. */
export function summaryOf (rows: Row[]): string {
  const count = (verdict: string) => rows.filter(row => verdictOf(row) === verdict).length
  const notRun = count('not run')
  return `${count('ok')} of ${rows.length} rows are within reach${notRun === 0 ? '' : `; ${notRun} did not run`}`
}

function shown (value: number, { unit }: Measured): string {
  return value.toFixed(unit === '×' ? 2 : 0)
}

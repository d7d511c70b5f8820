import { expect, test } from 'vitest'
import { summaryOf, tableOf, verdictOf, type Measured, type Row } from '../src/table.ts'

const ROW: Measured = { what: 'CPU per request', unit: '×', value: 1.5, reach: 2 }

test('the verdict is about the rounded value', () => {
  expect(verdictOf(ROW)).toBe('ok')
  expect(verdictOf({ ...ROW, value: 2.004 })).toBe('ok')
  expect(verdictOf({ ...ROW, value: 2.006 })).toBe('over')
  expect(verdictOf({ ...ROW, unit: 'ms', value: 500.4, reach: 500 })).toBe('ok')
  expect(verdictOf({ what: 'memory', failure: 'no port' })).toBe('not run')
})

test('NaN never meets the target', () => {
  expect(verdictOf({ ...ROW, value: NaN })).toBe('over')
})

test('the table aligns its columns, and the last line counts', () => {
  const rows: Row[] = [
    { ...ROW, spread: [1.4, 1.62], note: '60 µs' },
    { what: 'start to ready, forum', unit: 'ms', value: 612.3, reach: 500 },
    { what: 'memory', failure: 'no\nport' }
  ]
  expect(tableOf(rows).split('\n')).toEqual([
    'what                   measured  spread     target',
    'CPU per request        1.50 ×    1.40–1.62  ≤ 2 ×     ok       60 µs',
    'start to ready, forum  612 ms               ≤ 500 ms  over',
    'memory                                                not run  no port'
  ])
  expect(summaryOf(rows)).toBe('1 of 3 rows meet their target; 1 did not run')
})

import { expect, test } from 'vitest'
import { summaryOf, tableOf, verdictOf, type Measured, type Row } from '../src/table.ts'

const ROW: Measured = { what: 'CPU per request', unit: '×', value: 1.5, target: 2 }

test('the verdict is about the rounded value', () => {
  expect(verdictOf(ROW)).toBe('ok')
  expect(verdictOf({ ...ROW, value: 2.004 })).toBe('ok')
  expect(verdictOf({ ...ROW, value: 2.006 })).toBe('over')
  expect(verdictOf({ ...ROW, unit: 'MiB', value: 500.4, target: 500 })).toBe('ok')
  expect(verdictOf({ what: 'memory', reason: 'no port', failed: true })).toBe('not run')
})

test('NaN never meets the target', () => {
  expect(verdictOf({ ...ROW, value: NaN })).toBe('over')
})

test('a row without a target has no verdict', () => {
  expect(verdictOf({ ...ROW, target: undefined })).toBe('')
})

test('the table aligns its columns, and the last line counts', () => {
  const rows: Row[] = [
    { ...ROW, spread: [1.4, 1.62], note: '60 µs' },
    { what: 'memory idle, forum', unit: 'MiB', value: 80.3, target: 75 },
    { what: 'installed', unit: 'MB', value: 80.3 },
    { what: 'image', reason: 'no\nDocker', failed: false }
  ]
  expect(tableOf(rows).split('\n')).toEqual([
    'what                measured  spread     target',
    'CPU per request     1.50 ×    1.40–1.62  ≤ 2 ×     ok       60 µs',
    'memory idle, forum  80 MiB               ≤ 75 MiB  over',
    'installed           80 MB',
    'image                                              not run  no Docker'
  ])
  expect(summaryOf(rows)).toBe('1 of 2 rows meet their target; 1 did not run')
})

test('with a measurement of another checkout, the table has a column for it', () => {
  expect(tableOf([{ ...ROW, before: 1.9 }, { what: 'start', unit: 's', value: 1, target: 2 }]).split('\n')).toEqual([
    'what             before  measured  spread  target',
    'CPU per request  1.90 ×  1.50 ×            ≤ 2 ×   ok',
    'start                    1.0 s             ≤ 2 s   ok'
  ])
})

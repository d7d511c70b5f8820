import { expect, test } from 'vitest'
import { cpuSecondsIn, median, rssMebibytesIn } from '../src/measure.ts'

const FIELDS = 'S 1 42 42 0 -1 4194304 99 0 0 0 250 50 7 3 20 0 11 0 186734 3133440 390'

test.for([
  ['one word', 'node'],
  ['several words', 'npm run bench'],
  ['a text with parentheses', 'a) S (b) R'],
  ['a text that looks like fields', ') 1 2 3 4 5 6 7 8 9 10 11 12 13 14']
])('reads the CPU time when the command is %s', ([, command]) => {
  expect(cpuSecondsIn(`42 (${command}) ${FIELDS}\n`)).toBe(3.1)
})

test('reads the current resident memory, not its peak, in MiB', () => {
  expect(rssMebibytesIn('VmHWM:\t  200000 kB\nVmRSS:\t  102400 kB\nRssAnon:\t 1 kB\n')).toBe(100)
})

test('the median of no values is NaN', () => {
  expect(median([])).toBeNaN()
})

test.for<[number[], number]>([
  [[3], 3],
  [[10, 9, 1], 9],
  [[4, 1, 2, 100], 3]
])('the median of %j is %d', ([values, expected]) => {
  expect(median(values)).toBe(expected)
})

import { expect, test } from 'vitest'
import { growthOf } from '../src/linear.ts'

test('a cost that rises by the same amount is linear everywhere', () => {
  const points = [{ x: 4, y: 20 }, { x: 100, y: 68 }, { x: 1000, y: 518 }]
  expect(growthOf(points)).toEqual({ linearUpTo: 1000, perStep: 0.5 })
})

test('noise of a tenth does not end a line', () => {
  const points = [{ x: 1, y: 50 }, { x: 8, y: 360 }, { x: 64, y: 3520 }, { x: 512, y: 25_600 }]
  expect(growthOf(points).linearUpTo).toBe(512)
})

test('it names the last size on the line, and the steps before and after it', () => {
  const points = [{ x: 1, y: 10 }, { x: 8, y: 80 }, { x: 64, y: 640 }, { x: 512, y: 9600 }]
  expect(growthOf(points)).toEqual({ linearUpTo: 64, perStep: 10, after: { x: 512, perStep: 20 } })
})

test('a cost that grows more slowly is not linear either', () => {
  const points = [{ x: 0, y: 0 }, { x: 10, y: 100 }, { x: 100, y: 200 }]
  expect(growthOf(points).linearUpTo).toBe(10)
})

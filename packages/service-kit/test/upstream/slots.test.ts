import { expect, test } from 'vitest'
import { Slots } from '../../src/upstream/slots.ts'

test('calls start in their order, never more at a time than there are slots', () => {
  const slots = new Slots(2)
  const started: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => slots.take(() => started.push(name))) as (() => void)[]
  expect(started).toEqual(['a', 'b'])
  b?.()
  b?.() // once more changes nothing
  expect(started).toEqual(['a', 'b', 'c'])
  a?.()
  c?.()
  d?.()
  expect(started).toEqual(['a', 'b', 'c', 'd'])
})

test('a call that is no longer wanted leaves the queue', () => {
  const slots = new Slots(1)
  const started: string[] = []
  const end = slots.take(() => started.push('first'))
  const leave = slots.take(() => started.push('gone'))
  slots.take(() => started.push('last'))
  leave()
  end()
  expect(started).toEqual(['first', 'last'])
})

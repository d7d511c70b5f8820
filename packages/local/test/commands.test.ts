import { expect, test } from 'vitest'
import { runCommand } from '../src/commands.ts'

/** A store whose catalog-v2 runs, and whose catalog-v1 does not. */
const store = {
  names: ['webapp', 'catalog', 'catalog-v1', 'catalog-v2', 'forum'],
  start: (name: string) => name === 'catalog-v1',
  kill: (name: string) => name === 'catalog-v2'
}

test.each([
  ['start v1', 'catalog-v1 is starting.'],
  ['start catalog-v1', 'catalog-v1 is starting.'],
  ['start v2', 'catalog-v2 is already running.'],
  ['  kill   v2 ', ''], // the store reports its end
  ['kill v1', 'catalog-v1 is not running. To start it, type: start v1'],
  ['', '']
])('the command %j', (line, answer) => {
  expect(runCommand(line, store)).toBe(answer)
})

test.each([
  ['help', /^kill NAME .*\nstart NAME .*\nThe names: webapp, catalog, v1, v2, forum$/],
  ['kill v3', /^There is no process 'v3'\.\nkill NAME /],
  ['kill', /^Which process\? Type kill and a name\.\nkill NAME /],
  ['stop v1', /^There is no command 'stop'\.\nkill NAME /]
])('%j lists the commands and the names', (line, answer) => {
  expect(runCommand(line, store)).toMatch(answer)
})

import { PROPAGATED_HEADERS, PROPAGATED_PREFIX } from '@outfitters/service-kit'
import { expect, test } from 'vitest'
import {
  FORWARDED_HEADERS, FORWARDED_PREFIX, headerErrors, isForwarded, searchOf, settingsOf
} from '../../public/static/page/settings.js'

const DEFAULTS = { rate: 5, paused: false, header: undefined, hidden: new Set<string>(), room: false }

test('settings survive a reload', () => {
  const header = { name: 'x-istio-cohort', value: 'internal & more: 1' }
  const settings = { rate: 12, paused: true, header, hidden: new Set(['v1', 'fault']), room: true }
  expect(settingsOf(searchOf(settings))).toEqual(settings)
  expect(searchOf(DEFAULTS)).toBe('')
})

test('the address contains no credentials', () => {
  const header = { name: 'Authorization', value: 'Bearer secret' }
  expect(searchOf({ ...DEFAULTS, rate: 7, header })).toBe('?rate=7')
})

test.each([
  '', '?rate=0', '?rate=21', '?rate=x', '?rate=2.5', '?header=', '?header=a b:c', '?header=x-a', '?header=cookie:a',
  '?added=pod-1'
])('invalid values of the address are ignored: %s', search => {
  expect(settingsOf(search)).toEqual(DEFAULTS)
})

test.each<[string, string, object]>([
  ['x-dark-launch', 'v2', {}],
  ['user', 'jason', {}],
  ['', '', { name: expect.stringContaining('Enter the name'), value: 'Enter a value.' }],
  ['x dark', 'v2', { name: expect.stringContaining('no spaces') }],
  ['Host', 'a', { name: 'A browser does not let a page send Host.' }],
  ['Sec-Fetch-Mode', 'a', { name: expect.stringContaining('does not let') }],
  ['x-name', 'Zoë', { value: expect.stringContaining('ASCII') }]
])('the errors of the header %s: %s', (name, value, errors) => {
  expect(headerErrors(name, value)).toEqual(errors)
})

test('the page knows exactly the headers that the service kit forwards', () => {
  expect([...FORWARDED_HEADERS, FORWARDED_PREFIX]).toEqual([...PROPAGATED_HEADERS, PROPAGATED_PREFIX])
  for (const name of [...PROPAGATED_HEADERS, `${PROPAGATED_PREFIX}dark-launch`]) {
    expect([name, name.toUpperCase()].map(isForwarded), name).toEqual([true, true])
    expect(isForwarded(`not-${name}`), `not-${name}`).toBe(false)
  }
})

import { propagatedHeaders } from '@outfitters/service-kit'
import { expect, test } from 'vitest'
import { isHandedOn, problemsOf, searchOf, settingsOf } from '../../public/static/page/settings.js'

const DEFAULTS = { rate: 5, paused: false, header: undefined, hidden: new Set<string>() }

test('settings survive a reload', () => {
  const settings = { rate: 12, paused: true, header: { name: 'x-istio-cohort', value: 'internal & more: 1' }, hidden: new Set(['v1', 'fault']) }
  expect(settingsOf(searchOf(settings))).toEqual(settings)
  expect(searchOf(DEFAULTS)).toBe('')
})

test('credentials stay out of the address', () => {
  expect(searchOf({ ...DEFAULTS, rate: 7, header: { name: 'Authorization', value: 'Bearer secret' } })).toBe('?rate=7')
})

test.each(['', '?rate=0', '?rate=21', '?rate=x', '?rate=2.5', '?header=', '?header=a b:c', '?header=x-a', '?header=cookie:a', '?added=pod-1'])('what makes no sense is left out: %s', search => {
  expect(settingsOf(search)).toEqual(DEFAULTS)
})

test.each<[string, string, object]>([
  ['x-dark-launch', 'v2', {}],
  ['user', 'jason', {}],
  ['', '', { name: expect.stringContaining('Give the name'), value: 'Give a value.' }],
  ['x dark', 'v2', { name: expect.stringContaining('no spaces') }],
  ['Host', 'a', { name: 'A browser does not let a page send Host.' }],
  ['Sec-Fetch-Mode', 'a', { name: expect.stringContaining('does not let') }],
  ['x-name', 'Zoë', { value: expect.stringContaining('ASCII') }]
])('header %s: %s', (name, value, problems) => {
  expect(problemsOf(name, value)).toEqual(problems)
})

test('the page knows which headers the webapp hands on', () => {
  const names = [
    'x-dark-launch', 'Authorization', 'traceparent', 'tracestate', 'baggage', 'b3', 'sw8', 'sw8-correlation', 'sw8-x', 'grpc-trace-bin',
    'user', 'sw8-other', 'sw80', 'grpc-tags-bin', 'b33', 'accept-language'
  ]
  for (const name of names) expect(isHandedOn(name), name).toBe(name.toLowerCase() in propagatedHeaders({ [name.toLowerCase()]: '1' }))
  expect(names.filter(isHandedOn)).toHaveLength(10)
})

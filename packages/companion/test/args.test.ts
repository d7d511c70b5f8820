import { describe, expect, test } from 'vitest'
import { exerciseCommand, parseRequest, UsageError } from '../src/args.ts'
import { course } from '../src/course/registry.ts'

const NO_PLACE = { namespace: undefined, gateway: undefined, host: undefined, api: undefined }
const ids = (exercises: { id: string }[]) => exercises.map(({ id }) => id)
const idsIn = (chapter: string) => ids(course).filter(id => id.startsWith(`${chapter}.`))

/** The request for a run, with the ids of its exercises. */
function runOf (...args: string[]) {
  const request = parseRequest(args)
  if (request.task !== 'run') throw new Error(`not a run: ${request.task}`)
  return { ...request, exercises: ids(request.exercises), leftOut: ids(request.leftOut) }
}

test('without arguments it lists the exercises', () => {
  expect(parseRequest([])).toEqual({ task: 'list', json: false })
  expect(parseRequest(['--json'])).toEqual({ task: 'list', json: true })
})

test.each(['--help', '-h'])('%s asks for the usage', option => {
  expect(parseRequest([option])).toEqual({ task: 'help' })
})

test.each([
  [['--help', 'ch2.nope']],
  [['--nope', '--help']],
  [['--namespace', '--help']],
  [['ch2', '--reset', '-h']]
])('--help wins over mistakes: %j', args => {
  expect(parseRequest(args)).toEqual({ task: 'help' })
})

test('a name is an exercise or a chapter; --all and --from choose without names', () => {
  expect(runOf('ch2.retry', 'ch2.chaos').exercises).toEqual(['ch2.chaos', 'ch2.retry'])
  expect(runOf('ch8').exercises).toEqual(idsIn('ch8'))
  expect(runOf('--all').exercises).toEqual(ids(course))
  expect(runOf('--from', 'ch14').exercises).toEqual(idsIn('ch14'))
})

test('by default a run is shown on the terminal, and keeps nothing', () => {
  expect(runOf('ch2.retry')).toEqual({
    task: 'run',
    json: false,
    place: NO_PLACE,
    exercises: ['ch2.retry'],
    leftOut: [],
    keep: false,
    step: false,
    junit: undefined
  })
})

test('the options of a run', () => {
  const place = { ...NO_PLACE, namespace: 'shop', gateway: 'istio-ingress/edge', host: 'shop.example' }
  const options = ['--namespace', 'shop', '--gateway', 'istio-ingress/edge', '--host', 'shop.example']
  expect(runOf('ch2.retry', ...options, '--keep', '--step', '--junit', 'out.xml'))
    .toMatchObject({ place, keep: true, step: true, junit: 'out.xml' })
  expect(parseRequest(['--reset', '--json', ...options])).toEqual({ task: 'reset', json: true, place })
})

test('exercises that the Gateway API cannot do are left out', () => {
  expect(runOf('ch2.deploy', 'ch2.chaos', '--api', 'gateway'))
    .toMatchObject({ exercises: ['ch2.chaos'], leftOut: ['ch2.deploy'], place: { api: 'gateway' } })
})

test('a suggested command has the options that name the place', () => {
  expect(exerciseCommand('--reset', NO_PLACE)).toBe('npm run exercise -- --reset')
  expect(exerciseCommand('ch2.retry --keep', { namespace: 'shop', host: 'shop.example', api: 'gateway' }))
    .toBe('npm run exercise -- ch2.retry --keep --namespace shop --host shop.example --api gateway')
})

describe('invalid arguments are an error that names all mistakes', () => {
  test.each([
    [['ch2.rety'], ['There is no exercise or chapter ch2.rety']],
    [['--from', 'ch2.rety'], ['There is no exercise or chapter ch2.rety']],
    [['ch2', '--everything'], ['Unknown option \'--everything\'']],
    [['ch2', '--namespace'], ['--namespace <value>\' argument missing']],
    [['ch2', '--all'], ['--all runs every exercise']],
    [['ch2', '--reset'], ['--reset runs no exercise']],
    [['--keep', '--host', 'shop.example'], ['--keep has no effect without a run', '--host has no effect']],
    [['--namespace', 'shop', '--api', 'gateway'], ['--namespace has no effect', '--api has no effect']],
    [['--reset', '--keep', '--junit', 'out.xml'], ['--keep has no effect', '--junit has no effect']],
    [['ch2', '--gateway', 'istio-ingress'], ['--gateway must be NAMESPACE/NAME', 'but is \'istio-ingress\'']],
    [['ch2', '--gateway', 'a/b', '--api', 'gateway'], ['--gateway cannot be used with --api gateway']],
    [['ch2', '--api', 'ingress'], ['--api must be istio or gateway, but is \'ingress\'']],
    [['ch2', '--junit', ''], ['--junit must be the path of a file']],
    [['--from', 'ch14', '--api', 'gateway'], [`cannot do ${idsIn('ch14').join(', ')}. It can do ch2.gateway, `]],
    [
      ['ch2.rety', '--namespace', 'My_Shop', '--host', 'localhost', '--json', '--step'],
      ['use only one of the two', '\'My_Shop\'', '\'localhost\'', 'ch2.rety']
    ]
  ])('%j', (args, mistakes) => {
    expect(() => parseRequest(args)).toThrow(UsageError)
    for (const mistake of mistakes) expect(() => parseRequest(args)).toThrow(mistake)
  })
})

import { describe, expect, test } from 'vitest'
import {
  fillPlaceholders, PLACEHOLDERS, VALUES_BY_HAND, valuesForRun, type RunValues
} from '../src/course/placeholders.ts'
import { course } from '../src/course/registry.ts'

const RUN: RunValues = {
  namespace: 'shop',
  gateway: { namespace: 'edge', workload: 'daemonset/front', app: 'front-app' },
  folder: '/tmp/outfitters-1',
  since: 1_767_268_800_000_000,
  host: 'run.example'
}

test.each([
  ['webapp.NAMESPACE', 'webapp.istioinaction', 'webapp.shop'],
  ['GATEWAYS', 'istio-system', 'edge'],
  ['GATEWAYS:secret/a', 'istio-system:secret/a', 'edge:secret/a'],
  ['deploy/GATEWAY', 'deploy/istio-ingressgateway', 'daemonset/front'],
  ['GATEWAY_APP.GATEWAYS', 'istio-ingressgateway.istio-system', 'front-app.edge'],
  ['FOLDER/ca.crt', '/tmp/outfitters/ca.crt', '/tmp/outfitters-1/ca.crt'],
  ['--since=SINCE', '--since=1m', '--since-time=2026-01-01T12:00:00.000Z'],
  ['traces?start=SINCE&limit=1', 'traces?lookback=5m&limit=1', 'traces?start=1767268800000000&limit=1'],
  ['%22NAMESPACE%22%20%3E%20SINCE', '%22istioinaction%22%20%3E%200', '%22shop%22%20%3E%201767268800000000'],
  ['webapp.istioinaction.io', 'webapp.istioinaction.io', 'webapp.run.example'],
  ['webapp.istioinaction', 'webapp.istioinaction', 'webapp.istioinaction']
])('%s: by hand %s, in a run %s', (text, byHand, inRun) => {
  expect(fillPlaceholders(text, VALUES_BY_HAND)).toBe(byHand)
  expect(fillPlaceholders(text, valuesForRun(RUN))).toBe(inRun)
})

test('without --host, the domain stays', () => {
  const host = 'webapp.istioinaction.io'
  expect(fillPlaceholders(host, valuesForRun({ ...RUN, host: undefined }))).toBe(host)
})

test('a value is not searched for placeholders', () => {
  expect(fillPlaceholders('NAMESPACE', valuesForRun({ ...RUN, namespace: 'FOLDER' }))).toBe('FOLDER')
})

describe('an error names the text and the placeholder', () => {
  test.each(['deploy/GATEWAY_NAME', 'GATEWAY', 'NAMESPACES'])('%s is unknown', text => {
    expect(() => fillPlaceholders(text, VALUES_BY_HAND)).toThrow(`'${text}' has the unknown placeholder`)
    expect(() => fillPlaceholders(text, VALUES_BY_HAND)).toThrow(Object.keys(PLACEHOLDERS).join(', '))
  })

  const nothing = valuesForRun({
    namespace: 'shop', gateway: undefined, folder: undefined, since: undefined, host: undefined
  })
  const words = ['GATEWAYS', 'deploy/GATEWAY', 'GATEWAY_APP', 'FOLDER', '--since=SINCE', 'SINCE']

  test.each(words)('%s has no value yet', word => {
    expect(() => fillPlaceholders(`a ${word} b`, nothing)).toThrow(`'a ${word} b' uses ${word}, `)
  })
})

test.each(course)('$id uses known placeholders only', ({ steps }) => {
  const texts = steps.flatMap(step => [
    ...'command' in step ? step.command : [],
    ...step.kind === 'run' ? step.makes : [],
    ...step.kind === 'load' ? [step.host ?? '', ...step.during ?? [], ...Object.values(step.tls ?? {})] : []
  ])
  for (const text of texts) {
    fillPlaceholders(text, VALUES_BY_HAND)
    fillPlaceholders(text, valuesForRun(RUN))
  }
})

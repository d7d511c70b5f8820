import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRule, type RuleBody } from '../../src/faults/rule.ts'
import { FaultRules, isBelow, type FaultTarget } from '../../src/faults/rules.ts'
import { binomialTolerance } from '../statistics.ts'

const GET_ITEMS: FaultTarget = { method: 'GET', path: '/items', headers: {} }

function rulesOf (inputs: RuleBody[], { seed = 'seed', instance = 'pod-a', now = (): number => 0 } = {}): FaultRules {
  const rules = new FaultRules({ seed, instance, now, isBusinessPath: path => path.includes('items') })
  for (const input of inputs) rules.set(parseRule(input))
  return rules
}

/** Whether each of n requests was hit. */
function hits (rules: FaultRules, n: number, target = GET_ITEMS): boolean[] {
  return Array.from({ length: n }, () => rules.judge(target) !== undefined)
}

const count = (flags: boolean[]) => flags.filter(Boolean).length

test('0 % hits no request, and 100 % hits every request', () => {
  expect(count(hits(rulesOf([{ type: '500', percentage: 0 }]), 100_000))).toBe(0)
  expect(count(hits(rulesOf([{ type: '500', percentage: 100 }]), 100_000))).toBe(100_000)
  expect(count(hits(rulesOf([{ type: '500' }]), 1000))).toBe(1000)
})

// The book's services hit 51 % when asked for 50 %; a hundred thousand requests show the difference.
test.each([0.1, 1, 12.5, 50, 99, 99.9])('a rule with %s %% hits this share of requests', percentage => {
  const n = 100_000
  const p = percentage / 100
  const hit = count(hits(rulesOf([{ type: '500', percentage }]), n))
  expect(Math.abs(hit - n * p)).toBeLessThan(binomialTolerance(n, p))
})

test('each request is drawn independently: at 50 %, one run of four in sixteen fails completely', () => {
  const n = 20_000
  const sequence = hits(rulesOf([{ type: '500', percentage: 50 }]), n * 4)
  const allFour = count(Array.from({ length: n }, (_, i) => sequence.slice(i * 4, i * 4 + 4).every(Boolean)))
  expect(Math.abs(allFour - n / 16)).toBeLessThan(binomialTolerance(n, 1 / 16))
})

test('with the same seed, the same calls after a restart have the same hits and delays', () => {
  const inputs: RuleBody[] = [
    { type: '500', percentage: 30 },
    { type: 'latency', latencyMs: 100, volatile: true, percentage: 60 }
  ]
  const run = (seed: string) => {
    const rules = rulesOf(inputs, { seed })
    return Array.from({ length: 500 }, () => rules.judge(GET_ITEMS))
  }
  expect(run('monday')).toEqual(run('monday'))
  expect(run('monday')).not.toEqual(run('tuesday'))
})

test('a rule that is set again draws new numbers', () => {
  const rules = rulesOf([{ type: '500', percentage: 50 }])
  const first = hits(rules, 200)
  rules.set(parseRule({ type: '500', percentage: 50 }))
  expect(hits(rules, 200)).not.toEqual(first)
})

// If both pods had the same stream, a retry at the other pod would fail whenever the first try did.
test('two pods with one seed, and two rules of one pod, fail independently', () => {
  const n = 40_000
  const of = (options: { instance?: string }, name: string) =>
    hits(rulesOf([{ name, type: '500', percentage: 50 }], options), n)
  const a = of({ instance: 'pod-a' }, 'r')
  for (const b of [of({ instance: 'pod-b' }, 'r'), of({ instance: 'pod-a' }, 's')]) {
    const agree = count(a.map((hit, i) => hit === b[i]))
    expect(Math.abs(agree - n / 2)).toBeLessThan(binomialTolerance(n, 0.5))
  }
})

test('without a path in its scope, a rule hits only business paths', () => {
  const rules = rulesOf([{ type: '500' }])
  expect(rules.judge({ ...GET_ITEMS, path: '/items/1' })).toBeDefined()
  expect(rules.judge({ ...GET_ITEMS, path: '/' })).toBeUndefined()
})

test('a scope limits a rule to a path and all paths below it, a method, and headers', () => {
  const rules = rulesOf([{ type: '500', scope: { path: '/items/1', method: 'GET', header: { 'X-Canary': 'yes' } } }])
  const target = { method: 'GET', path: '/items/1', headers: { 'x-canary': 'yes' } }
  expect(rules.judge(target)).toBeDefined()
  expect(rules.judge({ ...target, path: '/items/1/reviews' })).toBeDefined()
  expect(rules.judge({ ...target, path: '/items/10' })).toBeUndefined()
  expect(rules.judge({ ...target, method: 'POST' })).toBeUndefined()
  expect(rules.judge({ ...target, headers: { 'x-canary': 'no' } })).toBeUndefined()
  expect(rules.judge({ ...target, headers: {} })).toBeUndefined()
})

test('a scope with a path may hit other paths than the business paths', () => {
  expect(rulesOf([{ type: '500', scope: { path: '/' } }]).judge({ ...GET_ITEMS, path: '/' })).toBeDefined()
})

test('a path is below itself, its folders and the root, and below no other path', () => {
  const segments = fc.array(fc.stringMatching(/^[a-z0-9]{1,4}$/), { minLength: 1, maxLength: 4 })
  fc.assert(fc.property(segments, segments, (a, b) => {
    const prefix = `/${a.join('/')}`
    expect(isBelow(prefix, prefix)).toBe(true)
    expect(isBelow(`${prefix}/`, `${prefix}/${b.join('/')}`)).toBe(true)
    expect(isBelow(prefix, `${prefix}/${b.join('/')}`)).toBe(true)
    expect(isBelow('/', prefix)).toBe(true)
    expect(isBelow(prefix, `${prefix}${b.join('')}`)).toBe(false)
  }), { seed: 4 })
})

test('requests outside the scope of a rule use up neither its count nor its numbers', () => {
  const rules = rulesOf([{ type: '500', percentage: 50, count: 5, scope: { method: 'POST' } }])
  hits(rules, 100)
  expect(rules.view()['500']?.state).toMatchObject({ draws: 0, hits: 0, left: { hits: 5 } })
})

test('a rule ends after its count of hits', () => {
  const rules = rulesOf([{ type: '500', percentage: 50, count: 7 }])
  expect(count(hits(rules, 1000))).toBe(7)
  expect(rules.view()['500']).toMatchObject({ active: false, state: { hits: 7, left: { hits: 0 }, ended: 'count' } })
})

test('a rule ends after its duration', () => {
  let clock = 1000
  const rules = rulesOf([{ type: '500', durationMs: 60_000 }], { now: () => clock })
  clock += 59_999
  expect(count(hits(rules, 3))).toBe(3)
  expect(rules.view()['500']?.state.left).toEqual({ ms: 1 })
  clock += 1
  expect(count(hits(rules, 3))).toBe(0)
  expect(rules.view()['500']).toMatchObject({ active: false, state: { hits: 3, left: { ms: 0 }, ended: 'duration' } })
})

test('an inactive rule hits nothing', () => {
  expect(count(hits(rulesOf([{ type: '500', active: false }]), 100))).toBe(0)
})

test('delays add up; then the first abort or drop, in the order of setting, ends the request', () => {
  const rules = rulesOf([
    { name: 'a', type: 'drop' },
    { name: 'b', type: 'latency', latencyMs: 100 },
    { name: 'c', type: '500' },
    { name: 'd', type: 'latency', latencyMs: 50 }
  ])
  expect(rules.judge(GET_ITEMS)).toMatchObject({ delayMs: 150, ending: { rule: { name: 'a' } }, fault: 'latency,drop' })
  rules.deleteName('a')
  expect(rules.judge(GET_ITEMS)).toMatchObject({ delayMs: 150, ending: { rule: { name: 'c' } }, fault: 'latency,500' })
})

test('if the first rule does not hit, the second may: 50 % and then 50 % hit 75 %', () => {
  const n = 40_000
  const rules = rulesOf([
    { name: 'a', type: '500', percentage: 50 },
    { name: 'b', type: 'abort', status: 503, percentage: 50 }
  ])
  expect(Math.abs(count(hits(rules, n)) - n * 0.75)).toBeLessThan(binomialTolerance(n, 0.75))
})

test('delays add up to one minute at most', () => {
  const slow = (name: string): RuleBody => ({ name, type: 'latency', latencyMs: 50_000 })
  expect(rulesOf([slow('a'), slow('b')]).judge(GET_ITEMS)?.delayMs).toBe(60_000)
})

test('a rule replaces the one with its name, by default its type, and keeps its place', () => {
  const rules = rulesOf([
    { type: '500', percentage: 10 }, { name: 'second', type: '500' }, { type: '500', percentage: 20 }
  ])
  const percentages = Object.entries(rules.view()).map(([name, { percentage }]) => [name, percentage])
  expect(percentages).toEqual([['500', 20], ['second', 100]])
})

test('rules are deleted by name, by type, or all at once', () => {
  const rules = rulesOf([
    { type: '500' }, { name: 'a', type: 'latency' }, { name: 'b', type: 'latency' }, { type: 'drop' }
  ])
  rules.deleteType('latency')
  expect(Object.keys(rules.view())).toEqual(['500', 'drop'])
  rules.deleteName('500')
  expect(Object.keys(rules.view())).toEqual(['drop'])
  rules.clear()
  expect(rules.isEmpty).toBe(true)
})

test('the thirty-third rule is refused, and a rule may still be replaced', () => {
  const rules = rulesOf(Array.from({ length: 32 }, (_, i) => ({ name: `r${i}`, type: '500' as const })))
  expect(() => rules.set(parseRule({ name: 'more', type: '500' }))).toThrow(/32 rules/)
  rules.set(parseRule({ name: 'r0', type: '500', percentage: 1 }))
  expect(Object.keys(rules.view())).toHaveLength(32)
})

test('a rule shows its seed and its stream, so that its draws can be computed again', () => {
  const rules = rulesOf([{ type: '500', percentage: 50 }], { seed: 'monday', instance: 'catalog-1' })
  hits(rules, 10)
  expect(rules.view()['500']?.state).toMatchObject({ seed: 'monday', stream: 'monday/catalog-1/500/0', draws: 10 })
})

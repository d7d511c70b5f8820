import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { kubectlLines, ruleInWords, ruleOf, scriptLine } from '../../public/static/page/rule.js'

const typed = { type: '500', percentage: '50', status: '503', latencyMs: '1000', mode: 'fin' }

test.each([
  [{}, { type: '500', percentage: 50 }, '500, 50 %'],
  [{ type: 'abort', percentage: '12.5' }, { type: 'abort', percentage: 12.5, status: 503 }, '503, 12.5 %'],
  [{ type: 'latency' }, { type: 'latency', percentage: 50, latencyMs: 1000 }, 'latency 1000 ms, 50 %'],
  [{ type: 'drop', mode: 'rst' }, { type: 'drop', percentage: 50, mode: 'rst' }, 'drop (rst), 50 %']
])('what is typed becomes a rule: %o', (fields, rule, words) => {
  expect(ruleOf({ ...typed, ...fields })).toEqual({ rule, problems: {} })
  expect(ruleInWords(rule)).toBe(words)
})

test.each([
  [{ percentage: '101' }, { percentage: 'A number from 0 to 100.' }],
  [{ percentage: '' }, { percentage: 'A number from 0 to 100.' }],
  [{ percentage: '-1' }, { percentage: 'A number from 0 to 100.' }],
  [{ percentage: '1e1' }, { percentage: 'A number from 0 to 100.' }],
  [{ type: 'abort', status: '200' }, { status: 'A whole number from 400 to 599.' }],
  [{ type: 'latency', latencyMs: '60001' }, { latencyMs: 'A number from 0 to 60000.' }]
])('and what is wrong is said of its field: %o', (fields, problems) => {
  expect(ruleOf({ ...typed, ...fields }).problems).toEqual(problems)
})

test('the kubectl lines are whole', () => {
  const lines = kubectlLines('catalog', 'catalog-1')
  expect(lines.set(ruleOf(typed).rule)).toBe("kubectl exec catalog-1 -c catalog -- curl -s -X POST -H 'content-type: application/json' -d '{\"type\":\"500\",\"percentage\":50}' localhost:3000/blowup")
  expect(lines.show).toBe('kubectl exec catalog-1 -c catalog -- curl -s localhost:3000/blowup')
  expect(lines.delete).toBe('kubectl exec catalog-1 -c catalog -- curl -s -X DELETE localhost:3000/blowup')
  expect(kubectlLines('forum', 'forum-1').show).toContain('localhost:8080/blowup')
})

// The script itself says whether it takes the line: it gets as far as looking for kubectl.
test.each([{}, { type: 'abort' }, { type: 'latency' }, { type: 'drop', mode: 'hang' }])('scripts/chaos.sh takes its line: %o', fields => {
  const line = scriptLine(ruleOf({ ...typed, ...fields }).rule, 'forum', 'forum-1')
  const run = () => execFileSync('/bin/bash', ['-c', `PATH=/nowhere . ${line}`], { cwd: fileURLToPath(new URL('../../../..', import.meta.url)), stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  expect(run).toThrow(/kubectl is not installed/)
})

test('all pods of the catalog are what the script means by default', () => {
  expect(scriptLine(ruleOf(typed).rule, 'catalog', undefined)).toBe('scripts/chaos.sh 500 50')
})

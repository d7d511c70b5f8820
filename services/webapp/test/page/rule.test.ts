import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CatalogEnv } from '@outfitters/catalog/config'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import { expect, test } from 'vitest'
import { kubectlCommands, ruleInWords, ruleOf, scriptCommand } from '../../public/static/page/rule.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const FIELDS = { type: '500', percentage: '50', status: '503', latencyMs: '1000', mode: 'fin' }

test.each([
  [{}, { type: '500', percentage: 50 }, '500, 50 %'],
  [{ type: 'abort', percentage: '12.5' }, { type: 'abort', percentage: 12.5, status: 503 }, '503, 12.5 %'],
  [{ type: 'latency' }, { type: 'latency', percentage: 50, latencyMs: 1000 }, 'latency 1000 ms, 50 %'],
  [{ type: 'drop', mode: 'rst' }, { type: 'drop', percentage: 50, mode: 'rst' }, 'drop (rst), 50 %']
])('the fields %o become a rule', (fields, rule, words) => {
  expect(ruleOf({ ...FIELDS, ...fields })).toEqual({ rule, errors: {} })
  expect(ruleInWords(rule)).toBe(words)
})

test.each([
  [{ percentage: '101' }, { percentage: 'Enter a number from 0 to 100.' }],
  [{ percentage: '' }, { percentage: 'Enter a number from 0 to 100.' }],
  [{ percentage: '-1' }, { percentage: 'Enter a number from 0 to 100.' }],
  [{ percentage: '1e1' }, { percentage: 'Enter a number from 0 to 100.' }],
  [{ type: 'abort', status: '200' }, { status: 'Enter a whole number from 400 to 599.' }],
  [{ type: 'latency', latencyMs: '60001' }, { latencyMs: 'Enter a number from 0 to 60000.' }]
])('the invalid fields %o get an error', (fields, errors) => {
  expect(ruleOf({ ...FIELDS, ...fields }).errors).toEqual(errors)
})

test('the kubectl commands are complete', () => {
  const commands = kubectlCommands('catalog', 'catalog-1')
  const curl = 'kubectl exec catalog-1 -c catalog -- curl -s'
  expect(commands.set(ruleOf(FIELDS).rule)).toBe(
    `${curl} -X POST -H 'content-type: application/json' -d '{"type":"500","percentage":50}' localhost:3000/blowup`)
  expect(commands.show).toBe(`${curl} localhost:3000/blowup`)
  expect(commands.delete).toBe(`${curl} -X DELETE localhost:3000/blowup`)
})

test.each([
  ['catalog', parseConfig(CatalogEnv, {}).PORT],
  ['forum', parseConfig(ForumConfig, {}).PORT]
] as const)('the commands for the %s use its port', (service, port) => {
  expect(kubectlCommands(service, `${service}-1`).show).toContain(`localhost:${port}/blowup`)
  const script = readFileSync(`${ROOT}/scripts/chaos.sh`, 'utf8')
  expect(script).toMatch(new RegExp(`\\b${service}\\) port=${port}\\b`))
})

// The script accepts the arguments if it gets as far as the check for kubectl.
test.each([
  {}, { type: 'abort' }, { type: 'latency' }, { type: 'drop', mode: 'hang' }
])('scripts/chaos.sh accepts the command for %o', fields => {
  const command = scriptCommand(ruleOf({ ...FIELDS, ...fields }).rule, 'forum', 'forum-1')
  const run = () => execFileSync('/bin/bash', ['-c', `PATH=/nowhere . ${command}`], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8'
  })
  expect(run).toThrow(/kubectl is not installed/)
})

test('without options, the script sets the fault in all pods of the catalog', () => {
  expect(scriptCommand(ruleOf(FIELDS).rule, 'catalog', undefined)).toBe('scripts/chaos.sh 500 50')
})

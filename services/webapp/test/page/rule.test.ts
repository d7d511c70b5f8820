import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CatalogEnv } from '@outfitters/catalog/config'
import { ForumConfig } from '@outfitters/forum/config'
import { parseConfig } from '@outfitters/service-kit'
import request from 'supertest'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../../../../scripts/project.ts'
import { kubectlCommands, ruleInWords, ruleOf, scriptCommand } from '../../public/static/page/rule.js'
import { faultControls } from '../../src/page/fault-controls.ts'
import { start } from '../start.ts'

const FIELDS = {
  type: '500',
  percentage: '50',
  status: '503',
  distribution: 'fixed',
  latencyMs: '1000',
  medianMs: '500',
  p99Ms: '2000',
  mode: 'fin',
  seconds: '',
  count: ''
}
const LOGNORMAL = { type: 'latency', distribution: 'lognormal' }

test.each([
  [{}, { type: '500', percentage: 50 }, '500, 50 %'],
  [{ type: 'abort', percentage: '12.5' }, { type: 'abort', percentage: 12.5, status: 503 }, '503, 12.5 %'],
  [{ type: 'latency' }, { type: 'latency', percentage: 50, latencyMs: 1000 }, 'latency 1000 ms, 50 %'],
  [
    LOGNORMAL,
    { ...LOGNORMAL, percentage: 50, medianMs: 500, p99Ms: 2000 },
    'latency 500 ms (p99 2000 ms), 50 %'
  ],
  [{ type: 'drop', mode: 'rst' }, { type: 'drop', percentage: 50, mode: 'rst' }, 'drop (rst), 50 %'],
  [
    { seconds: '30', count: ' 5 ' },
    { type: '500', percentage: 50, durationMs: 30_000, count: 5 },
    '500, 50 %, for 30 s, 5 times'
  ]
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
  [{ type: 'latency', latencyMs: '60001' }, { latencyMs: 'Enter a number from 0 to 60000.' }],
  [{ ...LOGNORMAL, medianMs: '0' }, { medianMs: 'Enter a number from 1 to 60000.' }],
  [{ ...LOGNORMAL, medianMs: '90', p99Ms: '80' }, { p99Ms: 'Enter at least the median.' }],
  [{ seconds: '1.5' }, { seconds: 'Enter a whole number from 1 to 86400.' }],
  [{ count: '0' }, { count: 'Enter a whole number from 1 to 1000000.' }]
])('the invalid fields %o get an error', (fields, errors) => {
  expect(ruleOf({ ...FIELDS, ...fields }).errors).toEqual(errors)
})

test('the kubectl commands are complete', () => {
  const commands = kubectlCommands({ service: 'catalog', pod: 'catalog-1' }, 'istioinaction')
  const curl = 'kubectl exec -n istioinaction catalog-1 -c catalog -- curl -s'
  expect(commands.set(ruleOf(FIELDS).rule)).toBe(
    `${curl} -X POST -H 'content-type: application/json' -d '{"type":"500","percentage":50}' localhost:3000/blowup`)
  expect(commands.show).toBe(`${curl} localhost:3000/blowup`)
  expect(commands.delete).toBe(`${curl} -X DELETE localhost:3000/blowup`)
})

test.each([
  ['catalog', parseConfig(CatalogEnv, {}).PORT],
  ['forum', parseConfig(ForumConfig, {}).PORT]
] as const)('the commands for the %s use its port', (service, port) => {
  expect(kubectlCommands({ service, pod: `${service}-1` }, 'shop').show).toContain(`localhost:${port}/blowup`)
})

test.each([
  {}, { type: 'abort' }, { type: 'latency' }, { type: 'drop', mode: 'hang' }, LOGNORMAL, { seconds: '30', count: '5' }
])('scripts/chaos.sh sends the rule of the form to the pod: %o', fields => {
  const { rule } = ruleOf({ ...FIELDS, ...fields })
  const [pods, exec] = kubectlCallsOf(scriptCommand(rule, 'forum', 'forum-1', 'shop'))
  expect(pods).toMatch(/^get pods --namespace shop --selector app=forum .*metadata\.name=forum-1/)
  expect(exec).toMatch(/^exec --namespace shop forum-1 --container forum -- curl .* localhost:8080\/blowup/)
  expect(JSON.parse(exec?.split(' --data ')[1] ?? '')).toMatchObject(rule)
})

/** Runs a command with a kubectl that finds the pod forum-1 and does nothing. Returns the arguments of each call. */
function kubectlCallsOf (command: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const kubectl = join(folder, 'kubectl')
  writeFileSync(kubectl, '#!/bin/sh\nprintf "%s\\n" "$*" >&2\n[ "$1" != get ] || echo forum-1\n')
  chmodSync(kubectl, 0o755)
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: ROOT, env, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return `${stderr}${stdout.replace('forum-1: ', '')}`.trim().split('\n')
}

// The form has its own list of types, modes and distributions. Each of them must be one of the service kit's.
test.each(optionsOf('fault-type'))('services accept the rule of the type %s', async type => {
  const { origin } = await start()
  for (const mode of optionsOf('fault-mode')) {
    for (const distribution of optionsOf('fault-distribution')) {
      const { rule } = ruleOf({ ...FIELDS, type, mode, distribution, seconds: '30', count: '5' })
      expect((await request(origin).post('/blowup').send(rule)).text).toMatch(/^blowups=/)
    }
  }
})

/** The values that a list of the fault form offers. */
function optionsOf (id: string): string[] {
  const [, list = ''] = new RegExp(`<select id="${id}">([^]*?)</select>`).exec(faultControls('any')) ?? []
  return Array.from(list.matchAll(/<option value="(\w+)"/g), ([, value = '']) => value)
}

test('without options, the script sets the fault in all pods of the catalog', () => {
  expect(scriptCommand(ruleOf(FIELDS).rule, 'catalog', undefined, 'shop')).toBe('scripts/chaos.sh 500 50 -n shop')
})

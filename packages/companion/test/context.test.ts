// The whole run stays on the context that was current when it began.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { currentContext, pinContext } from '../src/cluster/context.ts'
import { FakeCluster } from './fake-cluster.ts'

beforeEach(() => { vi.stubEnv('KUBECONFIG', '') })
afterEach(() => { vi.unstubAllEnvs() })

const kubectlOn = (context: string) =>
  new FakeCluster([], [/^config current-context/, { stdout: `${context}\n` }]).kubectl()

/** The files that KUBECONFIG names. */
const kubeconfigs = () => (process.env['KUBECONFIG'] ?? '').split(delimiter)

test.each([
  ['one/config', ['one/config']],
  [['one', 'two'].join(delimiter), ['one', 'two']],
  ['', [join(homedir(), '.kube', 'config')]]
])('a file with the current context comes before the files of KUBECONFIG=%s', async (before, others) => {
  vi.stubEnv('KUBECONFIG', before)
  await pinContext(kubectlOn('kind-outfitters'))
  const [pinned = '', ...rest] = kubeconfigs()
  expect(rest).toEqual(others)
  expect(JSON.parse(readFileSync(pinned, 'utf8'))).toEqual(
    { apiVersion: 'v1', kind: 'Config', 'current-context': 'kind-outfitters' })
})

test('without a current context, nothing is pinned, and the message shows how to choose one', async () => {
  await expect(pinContext(kubectlOn(''))).rejects.toThrow(
    /^kubectl has no current context\.\nChoose a cluster: kubectl config get-contexts, .*scripts\/cluster\.sh up$/)
  expect(kubeconfigs()).toEqual([''])
})

test('the name of the context has no line end', async () => {
  expect(await currentContext(kubectlOn('kind-outfitters'))).toBe('kind-outfitters')
})

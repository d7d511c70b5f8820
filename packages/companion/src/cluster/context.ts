import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Kubectl } from './kubectl.ts'
import { Trouble } from './errors.ts'

/**
 * Keeps this process, and every command that it starts, on the current context. If another context is chosen
 * meanwhile, in another terminal for example, the run still ends and restores everything in the cluster where it began.
 *
 * If KUBECONFIG names several files, the first one with a current context decides. So this function puts a file that
 * contains only the current context before the others.
 *
 * @throws {Trouble} when kubectl has no current context
 */
export async function pinContext (kubectl: Kubectl): Promise<void> {
  const context = await currentContext(kubectl)
  const folder = mkdtempSync(join(tmpdir(), 'outfitters-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'context.json')
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': context }))
  const others = process.env['KUBECONFIG'] || join(homedir(), '.kube', 'config')
  process.env['KUBECONFIG'] = [file, others].join(delimiter)
}

/**
 * The name of kubectl's current context.
 *
 * @throws {Trouble} when there is none
 */
export async function currentContext (kubectl: Kubectl): Promise<string> {
  const { stdout } = await kubectl.tryCluster(['config', 'current-context'])
  if (stdout.trim() !== '') return stdout.trim()
  throw new Trouble('kubectl has no current context.',
    'Choose a cluster: kubectl config get-contexts, then kubectl config use-context NAME. ' +
    'To create one: scripts/cluster.sh up')
}

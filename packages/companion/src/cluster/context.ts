import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Kubectl } from './kubectl.ts'
import { Trouble } from './errors.ts'

/**
 * Holds on to the current context: whoever chooses another one meanwhile does not send us, and what is to be brought back, to another
 * cluster. Of several files in KUBECONFIG the first says which context is current, so ours, with nothing else in it, becomes the first;
 * every command that we start reads it there.
 *
 * @throws {Trouble} when there is none
 */
export async function holdContext (kubectl: Kubectl): Promise<void> {
  const context = await currentContext(kubectl)
  const folder = mkdtempSync(join(tmpdir(), 'outfitters-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'context.json')
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': context }))
  process.env['KUBECONFIG'] = [file, process.env['KUBECONFIG'] || join(homedir(), '.kube', 'config')].join(delimiter)
}

/** @throws {Trouble} when there is none */
export async function currentContext (kubectl: Kubectl): Promise<string> {
  const { stdout } = await kubectl.tryCluster(['config', 'current-context'])
  if (stdout.trim() === '') throw new Trouble('kubectl has no current context.', 'Choose a cluster: kubectl config get-contexts, kubectl config use-context NAME. scripts/cluster.sh up makes one.')
  return stdout.trim()
}

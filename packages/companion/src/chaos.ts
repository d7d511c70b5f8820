import type { CommandResult } from './command.ts'
import type { CommandKind, Kubectl } from './kubectl.ts'

/** What chaos.sh ends with where there is no pod to ask. */
const NO_POD = 3

/**
 * Runs scripts/chaos.sh in the pods of kubectl's namespace.
 *
 * @throws {Error} when it fails; that there is no pod is a failure unless `mayBeNone`
 */
export async function chaos (kubectl: Kubectl, args: string[], kind: CommandKind, { mayBeNone = false } = {}): Promise<CommandResult> {
  const result = await kubectl.shell('scripts/chaos.sh', [...args, '-n', kubectl.namespace], kind)
  if (result.code !== 0 && !(mayBeNone && result.code === NO_POD)) throw new Error(`chaos.sh ${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
  return result
}

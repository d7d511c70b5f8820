import { command, type CommandResult } from './command.ts'

/** A kubectl command that failed, with what it said. */
export class KubectlError extends Error {
  override name = 'KubectlError'

  constructor (args: string[], result: CommandResult) {
    super(`kubectl ${args.join(' ')}: ${result.stderr.trim() || `exit code ${result.code}`}`)
  }
}

/** kubectl in one namespace of the current context. */
export class Kubectl {
  readonly namespace: string

  constructor (namespace: string) {
    this.namespace = namespace
  }

  /** Runs kubectl to its end, whatever that is. */
  try (args: string[], input?: string): Promise<CommandResult> {
    return command('kubectl', ['--namespace', this.namespace, ...args], { input })
  }

  /**
   * What kubectl prints.
   *
   * @throws {KubectlError} when it fails
   */
  async run (args: string[], input?: string): Promise<string> {
    const result = await this.try(args, input)
    if (result.code !== 0) throw new KubectlError(args, result)
    return result.stdout
  }

  async json<T> (args: string[]): Promise<T> {
    return JSON.parse(await this.run([...args, '--output', 'json'])) as T
  }

  /** Applies files or URLs. */
  apply (...files: string[]): Promise<string> {
    return this.run(['apply', ...files.flatMap(file => ['--filename', file])])
  }

  /** Applies YAML or JSON. */
  applyText (text: string): Promise<string> {
    return this.run(['apply', '--filename', '-'], text)
  }

  /** Waits until Deployments have rolled out. */
  async rolledOut (...deployments: string[]): Promise<void> {
    for (const deployment of deployments) await this.run(['rollout', 'status', `deployment/${deployment}`, '--timeout=120s'])
  }

  /** The names of running pods that are not being deleted, by label selector. */
  async pods (selector: string): Promise<string[]> {
    const { items } = await this.json<{ items: { metadata: { name: string, deletionTimestamp?: string } }[] }>(
      ['get', 'pods', '--selector', selector, '--field-selector', 'status.phase=Running'])
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name)
  }
}

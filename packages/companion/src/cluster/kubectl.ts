import { command, type CommandOptions, type CommandResult } from './command.ts'
import { Trouble } from './errors.ts'
import { until } from './until.ts'

/** A kubectl command that failed. The message has the command and what it printed. */
export class KubectlError extends Error {
  override name = 'KubectlError'
  /** what it printed, or its exit code */
  readonly reason: string

  constructor (args: string[], result: CommandResult) {
    const reason = result.stderr.trim() || `exit code ${result.code}`
    super(`kubectl ${args.map(quoted).join(' ')}: ${reason}`)
    this.reason = reason
  }
}

/** An object of the Kubernetes API: the fields that all kinds have. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: { name: string, namespace?: string, [field: string]: unknown }
  [field: string]: unknown
}

/** How long to wait for an istiod that does not answer; milliseconds. */
const ISTIOD_MS = 60_000

/** What a command reads: text, with the command that makes it (`from`), or with a description (`is`). */
export type Input = string | { text: string, from: string } | { text: string, is: string }

/** Whether a command is part of the lesson, or prepares and restores the namespace. */
export type CommandKind = 'lesson' | 'upkeep'

/** Receives each command before it runs. */
export type Announce = (line: string, kind: CommandKind) => void

/** Runs a command to its end, as `command` does. Tests pass their own. */
export type Execute = (name: string, args: string[], options: CommandOptions) => Promise<CommandResult>

/** How kubectl runs. */
export interface KubectlOptions {
  announce?: Announce
  /** ends the command that is running, and prevents the next */
  signal?: AbortSignal | undefined
  /** runs the commands; by default, as processes of this machine */
  execute?: Execute
}

/** kubectl in one namespace of the current context. */
export class Kubectl {
  readonly namespace: string
  readonly announce: Announce
  readonly signal: AbortSignal | undefined
  readonly #execute: Execute

  constructor (namespace: string, { announce = () => {}, signal, execute = command }: KubectlOptions = {}) {
    this.namespace = namespace
    this.announce = announce
    this.signal = signal
    this.#execute = execute
  }

  /** The same kubectl in another namespace. */
  in (namespace: string): Kubectl {
    return new Kubectl(namespace, { announce: this.announce, signal: this.signal, execute: this.#execute })
  }

  /** The same kubectl with other options. */
  with (options: KubectlOptions): Kubectl {
    const { announce, signal } = this
    return new Kubectl(this.namespace, { announce, signal, execute: this.#execute, ...options })
  }

  /**
   * Runs any command of this machine to its end, and announces it as a line to copy.
   *
   * @throws {Trouble} when it is not installed
   */
  async shell (name: string, args: string[], kind: CommandKind, input?: Input): Promise<CommandResult> {
    this.signal?.throwIfAborted()
    this.announce(line([name, ...args], input), kind)
    const text = typeof input === 'object' ? input.text : input
    const result = await this.#execute(name, args, { input: text, signal: this.signal })
    this.signal?.throwIfAborted()
    if (result.isMissing) throw new Trouble(`${name} is not installed.`, 'Install it, or put it on the PATH.')
    return result
  }

  /** Runs kubectl in the namespace, whatever its exit code is. */
  try (args: string[], input?: Input, kind: CommandKind = 'upkeep'): Promise<CommandResult> {
    return this.shell('kubectl', ['-n', this.namespace, ...args], kind, input)
  }

  /** Runs kubectl without a namespace, whatever its exit code is. */
  tryCluster (args: string[], kind: CommandKind = 'upkeep'): Promise<CommandResult> {
    return this.shell('kubectl', args, kind)
  }

  /**
   * Runs kubectl in the namespace. While istiod restarts, it cannot validate a change, and the API server rejects it.
   * Then the command runs again.
   *
   * @returns what it prints
   * @throws {KubectlError} when it fails
   */
  async run (args: string[], input?: Input, kind: CommandKind = 'upkeep'): Promise<string> {
    let result = await this.try(args, input, kind)
    const isChecked = () => !/failed calling webhook "[^"]*istio/.test(result.stderr)
    const again = async () => {
      result = await this.try(args, input, kind)
      return isChecked()
    }
    if (!isChecked()) await until(again, { timeout: ISTIOD_MS, interval: 2000, delay: 2000, signal: this.signal })
    if (result.code !== 0) throw new KubectlError(['-n', this.namespace, ...args], result)
    return result.stdout
  }

  /** What a `kubectl get` prints as JSON. */
  async json<T> (args: string[]): Promise<T> {
    return JSON.parse(await this.run([...args, '-o', 'json'])) as T
  }

  /** The objects that a `kubectl get` finds: none, one or a list. */
  async objects (args: string[]): Promise<KubeObject[]> {
    const text = await this.run(['get', ...args, '--ignore-not-found', '-o', 'json'])
    if (text.trim() === '') return []
    const found = JSON.parse(text) as KubeObject & { items?: KubeObject[] }
    return found.items ?? [found]
  }

  /** Applies files or URLs. */
  apply (...files: string[]): Promise<string> {
    return this.run(['apply', ...files.flatMap(file => ['-f', file])])
  }

  /** Applies YAML or JSON. */
  applyText (text: string): Promise<string> {
    return this.run(['apply', '-f', '-'], text)
  }

  /** The running pods with these labels, except those that are being deleted. */
  async runningPods (selector: string): Promise<KubeObject[]> {
    const pods = await this.objects(['pods', '-l', selector, '--field-selector', 'status.phase=Running'])
    return pods.filter(({ metadata }) => metadata['deletionTimestamp'] === undefined)
  }

  /** The names of the running pods with these labels. */
  async runningPodNames (selector: string): Promise<string[]> {
    return (await this.runningPods(selector)).map(({ metadata }) => metadata.name)
  }
}

function line (words: string[], input: Input | undefined): string {
  const text = words.map(quoted).join(' ')
  if (typeof input !== 'object') return text
  if ('from' in input) return `${input.from} | ${text}`
  return `# ${text}: ${input.is}` // a comment: if a reader pasted the command, it would wait for input
}

/** A word as a shell reads it, in quotes if it needs them. */
export function quoted (word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

import { command, type CommandResult } from './command.ts'
import { Trouble } from './errors.ts'

/** A kubectl command that failed, with what it said. */
export class KubectlError extends Error {
  override name = 'KubectlError'

  constructor (args: string[], result: CommandResult) {
    super(`kubectl ${args.map(quoted).join(' ')}: ${result.stderr.trim() || `exit code ${result.code}`}`)
  }
}

/** An object of the API, as far as all have the same shape. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: { name: string, namespace?: string, [field: string]: unknown }
  [field: string]: unknown
}

/** What a command reads: text, and by which command a reader would make it, or what it is. */
export type Input = string | { text: string, from: string } | { text: string, is: string }

/** Whether a command belongs to the lesson, or to what the companion does around it. */
export type CommandKind = 'lesson' | 'upkeep'

/** Told of each command before it runs. */
export type Announce = (line: string, kind: CommandKind) => void

/** kubectl in one namespace of the current context. */
export class Kubectl {
  readonly namespace: string
  readonly announce: Announce
  readonly signal: AbortSignal | undefined

  /** Aborting `signal` ends what is running, and lets nothing else begin. */
  constructor (namespace: string, { announce = () => {}, signal }: { announce?: Announce, signal?: AbortSignal } = {}) {
    this.namespace = namespace
    this.announce = announce
    this.signal = signal
  }

  /** The same in another namespace. */
  in (namespace: string): Kubectl {
    return new Kubectl(namespace, { announce: this.announce, ...(this.signal && { signal: this.signal }) })
  }

  /** Any command of this machine, announced as a line to copy. */
  async shell (name: string, args: string[], kind: CommandKind, input?: Input): Promise<CommandResult> {
    this.signal?.throwIfAborted()
    this.announce(line([name, ...args], input), kind)
    const result = await command(name, args, { input: typeof input === 'object' ? input.text : input, signal: this.signal })
    this.signal?.throwIfAborted()
    if (result.isMissing) throw new Trouble(`${name} is not installed.`, 'Install it, or put it on the PATH.')
    return result
  }

  /** Runs kubectl to its end, whatever that is. */
  try (args: string[], input?: Input, kind: CommandKind = 'upkeep'): Promise<CommandResult> {
    return this.shell('kubectl', ['-n', this.namespace, ...args], kind, input)
  }

  /** The same for what is in no namespace. */
  tryCluster (args: string[], kind: CommandKind = 'upkeep'): Promise<CommandResult> {
    return this.shell('kubectl', args, kind)
  }

  /**
   * What kubectl prints.
   *
   * @throws {KubectlError} when it fails
   */
  async run (args: string[], input?: Input, kind: CommandKind = 'upkeep'): Promise<string> {
    const result = await this.try(args, input, kind)
    if (result.code !== 0) throw new KubectlError(['-n', this.namespace, ...args], result)
    return result.stdout
  }

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

  /** The running pods that are not being deleted, by label selector. */
  async running (selector: string): Promise<KubeObject[]> {
    const pods = await this.objects(['pods', '-l', selector, '--field-selector', 'status.phase=Running'])
    return pods.filter(({ metadata }) => metadata['deletionTimestamp'] === undefined)
  }

  /** Their names. */
  async pods (selector: string): Promise<string[]> {
    return (await this.running(selector)).map(({ metadata }) => metadata.name)
  }
}

function line (words: string[], input: Input | undefined): string {
  const text = words.map(quoted).join(' ')
  if (typeof input !== 'object') return text
  return 'from' in input ? `${input.from} | ${text}` : `# ${text}: ${input.is}` // a comment: pasted, it would wait for input
}

/** A word as a shell takes it. */
export function quoted (word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

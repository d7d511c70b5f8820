/** What an error ends: the exercise that met it, or the whole run, since all exercises would meet it. */
export type Scope = 'exercise' | 'run'

/** A problem that the user can solve. The message says what is wrong and, on its next line, what to do about it. */
export class Trouble extends Error {
  override name = 'Trouble'
  readonly ends: Scope

  constructor (wrong: string, todo: string, { ends = 'run' }: { ends?: Scope } = {}) {
    super(`${wrong}\n${todo}`)
    this.ends = ends
  }
}

/** Whether an error makes the rest of the run pointless. */
export const endsRun = (error: unknown) => error instanceof Trouble && error.ends === 'run'

/** The message of an error, or of any other value that was thrown. */
export const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error)

/** What an error ends: the exercise that met it, or the whole run, since all exercises would meet it. */
export type Scope = 'exercise' | 'run'

/** A problem that the user can solve. The message says what is wrong and, on its next line, what to do about it. */
export class Trouble extends Error {
  override name = 'Trouble'
  readonly ends: Scope
  /** whether something did not happen in time, so that a busy machine may be the cause */
  readonly isLate: boolean

  constructor (wrong: string, todo: string, { ends = 'run', isLate = false }: TroubleOptions = {}) {
    super(`${wrong}\n${todo}`)
    this.ends = ends
    this.isLate = isLate
  }
}

type TroubleOptions = Partial<Pick<Trouble, 'ends' | 'isLate'>>

/** Whether an error makes the rest of the run pointless. */
export const endsRun = (error: unknown) => error instanceof Trouble && error.ends === 'run'

/** The message of an error, or of any other value that was thrown. */
export const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error)

/** What kubectl, istioctl and the API server say when something takes too long. */
const LATE = /timed out|timeout|deadline exceeded|took too long|too many requests|client connection lost/i

/** Whether a program says that something did not happen in time. */
export const saysLate = (text: string) => LATE.test(text)

/**
 * Whether a busy machine may be the cause of an error: something did not happen in time. Of a failed command, only what
 * it printed counts: its arguments may contain such words.
 */
export function mayBeLate (error: unknown): boolean {
  if (error instanceof Trouble) return error.isLate
  return saysLate(error instanceof Error && 'reason' in error ? String(error.reason) : messageOf(error))
}

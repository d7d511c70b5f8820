/** One thing that is wrong with a request: where it is (`body/scope/path`) and what is wrong there. */
export interface Problem {
  where: string
  what: string
}

/** Problems as one sentence. */
export function sentence (problems: Problem[]): string {
  return problems.map(({ where, what }) => `${where} ${what}`).join('; ')
}

/** An error that is the caller's: its message and problems are for them to read. */
export class RequestError extends Error {
  override name = 'RequestError'
  readonly statusCode: number
  readonly code: string
  readonly problems: Problem[] | undefined

  /**
   * @param statusCode 400 to 499
   * @param code stable, UPPER_SNAKE
   */
  constructor (statusCode: number, code: string, message: string, problems?: Problem[]) {
    super(message)
    this.statusCode = statusCode
    this.code = code
    this.problems = problems
  }

  /** A 400 that lists all that is wrong. */
  static invalid (code: string, problems: Problem[]): RequestError {
    return new RequestError(400, code, sentence(problems), problems)
  }
}

/** One thing that is wrong with a request: where it is (`body/scope/path`) and what is wrong there. */
export interface Problem {
  where: string
  what: string
}

/** Joins problems into one sentence. */
export function sentence (problems: Problem[]): string {
  return problems.map(({ where, what }) => `${where} ${what}`).join('; ')
}

/** An error that the client caused. The answer has its message and its problems. */
export class RequestError extends Error {
  override name = 'RequestError'
  readonly statusCode: number
  readonly code: string
  readonly problems: Problem[] | undefined

  /**
   * @param statusCode 400 to 499
   * @param code a stable code for programs, in UPPER_SNAKE
   */
  constructor (statusCode: number, code: string, message: string, problems?: Problem[]) {
    super(message)
    this.statusCode = statusCode
    this.code = code
    this.problems = problems
  }

  /** Makes a 400 that lists every problem. */
  static invalid (code: string, problems: Problem[]): RequestError {
    return new RequestError(400, code, sentence(problems), problems)
  }
}

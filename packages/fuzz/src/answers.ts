import { connect, type Socket } from 'node:net'
import { HOST } from '../../local/src/processes.ts'

/** An answer as it is on the wire. The names of headers are in lower case. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

/** How an exchange ended: the client had all answers, the service closed the connection, or time was up. */
export type Ending = 'answered' | 'closed' | 'time is up'

/** What a client does on its connection. */
export interface ExchangeOptions {
  /** the pieces to send; each is sent when the socket has taken the one before */
  send: Iterable<string | Buffer>
  /** the number of answers after which the client leaves; by default it waits until the service closes */
  answers?: number
  /** milliseconds after the last piece and answer, after which the client closes its half of the connection */
  patienceMs?: number
  /** milliseconds after which the client leaves; by default 20,000 */
  limitMs?: number
}

/** Sends bytes over a new connection, and reads the answers. */
export function exchange (
  port: number, { send, answers: wanted = Infinity, patienceMs, limitMs = 20_000 }: ExchangeOptions
): Promise<{ answers: Answer[], ending: Ending }> {
  return new Promise(resolve => {
    const socket = connect({ port, host: HOST, allowHalfOpen: true })
    const answers: Answer[] = []
    let rest = ''
    let patience: NodeJS.Timeout | undefined
    const bePatient = () => {
      clearTimeout(patience)
      if (patienceMs !== undefined) patience = setTimeout(() => socket.end(), patienceMs)
    }
    const end = (ending: Ending) => {
      clearTimeout(timer)
      clearTimeout(patience)
      socket.destroy()
      resolve({ answers, ending })
    }
    const timer = setTimeout(end, limitMs, 'time is up')
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      rest = readAnswers(rest + piece, answers)
      bePatient()
      if (answers.length >= wanted) end('answered')
    })
    socket.on('error', () => {}) // a reset ends the exchange, too
    socket.once('end', () => end('closed')).once('close', () => end('closed'))
    sendAll(socket, send).then(bePatient, () => {})
  })
}

async function sendAll (socket: Socket, pieces: Iterable<string | Buffer>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    await new Promise(resolve => socket.write(piece, resolve))
  }
}

/** Moves every whole answer of a text into a list, and returns the rest of the text. */
function readAnswers (text: string, answers: Answer[]): string {
  let start = 0
  for (;;) {
    const bodyAt = text.indexOf('\r\n\r\n', start) + 4
    if (bodyAt === 3) return text.slice(start)
    const [first = '', ...lines] = text.slice(start, bodyAt - 4).split('\r\n')
    const headers = Object.fromEntries(lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }))
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? NaN)
    const end = bodyAt + Number(headers['content-length'] ?? 0)
    if (text.length < end) return text.slice(start)
    if (status !== 100) answers.push({ status, headers, body: text.slice(bodyAt, end) })
    start = end
  }
}

/** What is wrong with an answer to a hostile request: a 5xx, or an error that does not explain itself. */
export function flawsOf ({ status, headers, body }: Answer): string[] {
  if (!(status >= 200 && status < 500)) return [`the answer is ${status}: ${body.slice(0, 200)}`]
  if (status < 400 || !headers['content-type']?.startsWith('application/json')) return []
  return isExplained(status, body) ? [] : [`the error is not explained: ${status} ${body.slice(0, 200)}`]
}

function isExplained (status: number, body: string): boolean {
  try {
    const { statusCode, code, error, message } = JSON.parse(body) as Record<string, unknown>
    return statusCode === status && [code, error, message].every(text => typeof text === 'string')
  } catch {
    return false
  }
}

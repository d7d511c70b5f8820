import { pino, type DestinationStream, type Logger } from 'pino'
import type { BaseConfig } from './config.ts'
import { escapeControls } from './controls.ts'

type LoggerConfig = Pick<BaseConfig, 'LOG_LEVEL' | 'SERVICE_VERSION' | 'HOSTNAME'>

/**
 * Makes the service's logger. It writes one JSON object per line to stdout, or readable lines with colors if stdout is
 * a terminal.
 *
 * @param name the service's name
 * @param destination for tests; stdout by default
 */
export async function createLogger (
  name: string, config: LoggerConfig, destination?: DestinationStream
): Promise<Logger> {
  const logger = pino({
    level: config.LOG_LEVEL,
    base: { service: name, version: config.SERVICE_VERSION, pod: config.HOSTNAME },
    timestamp: isoTime(),
    formatters: { level: label => ({ level: label }) }
  }, destination ?? await stdoutStream())
  return withFastAccessLines(logger)
}

/** Marks the fields of an access line. They are texts, numbers and undefined. */
export const ACCESS_LINE = Symbol('access line')

/**
 * Serializes access lines with V8's JSON.stringify, which takes a third of the time. All other lines stay with pino's
 * own serializer: it can serialize errors, and objects that contain themselves.
 */
function withFastAccessLines (logger: Logger): Logger {
  const serialize = (logger as unknown as PinoInternals)[pino.symbols.asJsonSym]
  const fast: PinoInternals[typeof pino.symbols.asJsonSym] = function (fields, message, level, time) {
    if (fields === null || !(ACCESS_LINE in fields)) return serialize.call(this, fields, message, level, time)
    const start = `${this[pino.symbols.lsCacheSym][level]}${time}${this[pino.symbols.chindingsSym]}`
    return `${start},${JSON.stringify(fields).slice(1, -1)},"msg":${JSON.stringify(message)}}\n`
  }
  return Object.assign(logger, { [pino.symbols.asJsonSym]: fast })
}

/** The parts of a logger that pino exports symbols for: its serializer, and the beginning of each line. */
interface PinoInternals {
  [pino.symbols.asJsonSym]: (
    this: PinoInternals, fields: object | null, message: string | undefined, level: number, time: string
  ) => string
  /** for each level, the line up to the level */
  [pino.symbols.lsCacheSym]: Record<number, string>
  /** the fields that all lines have */
  [pino.symbols.chindingsSym]: string
}

async function stdoutStream (): Promise<DestinationStream> {
  // Loaded only for a terminal, so that it costs a container nothing.
  if (process.stdout.isTTY) return (await import('./pretty.ts')).prettyStream()
  return gathered(tolerant(pino.destination({ fd: 1, sync: true, maxLength: MAX_WAITING_BYTES })))
}

/** The most bytes of lines that wait while stdout takes none, as on a full disk. */
const MAX_WAITING_BYTES = 1024 * 1024

/**
 * Keeps the service running if its log cannot be written, and says so on stderr. Up to MAX_WAITING_BYTES of lines wait
 * until stdout takes them. Further lines are lost.
 */
function tolerant (destination: ReturnType<typeof pino.destination>): FlushableStream {
  let isFailing = false
  const failed = (error: unknown) => {
    if (!isFailing) console.error(`log lines cannot be written to stdout: ${(error as Error).message}`)
    isFailing = true
  }
  const flushSync = () => {
    try {
      destination.flushSync()
    } catch (error) {
      failed(error)
    }
  }
  destination.on('error', failed)
  destination.on('drop', flushSync) // a full buffer is not written otherwise
  destination.on('drain', () => { isFailing = false })
  return { write: lines => { destination.write(lines) }, flushSync }
}

type FlushableStream = DestinationStream & { flushSync: () => void }

/** How long a line may wait for other lines; milliseconds. */
const GATHER_MS = 10

/**
 * Writes the lines of a few milliseconds in one piece. Under load, one write for each line would be a large part of a
 * request's cost. Pino's own asynchronous destination would not be cheaper, because it uses threads.
 */
function gathered (destination: FlushableStream): FlushableStream {
  let lines = ''
  const write = () => {
    if (lines !== '') destination.write(escapeControls(lines))
    lines = ''
  }
  process.once('exit', write)
  return {
    write (line) {
      if (lines === '') setTimeout(write, GATHER_MS)
      lines += line
    },
    flushSync () { // pino calls it after a fatal line
      write()
      destination.flushSync()
    }
  }
}

/** Makes the same timestamps as pino, but formats each millisecond only once. */
function isoTime (): () => string {
  let at = NaN
  let field = ''
  return () => {
    const now = Date.now()
    if (now !== at) {
      at = now
      field = `,"time":"${new Date(now).toISOString()}"`
    }
    return field
  }
}

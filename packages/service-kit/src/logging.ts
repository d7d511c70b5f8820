import { pino, type DestinationStream, type Logger } from 'pino'
import type { BaseConfig } from './config.ts'

/**
 * The service's logger: one JSON object a line on stdout, coloured and readable where stdout is a terminal.
 *
 * @param destination where the lines go, for tests; stdout by default
 */
export async function createLogger (name: string, config: Pick<BaseConfig, 'LOG_LEVEL' | 'SERVICE_VERSION' | 'HOSTNAME'>, destination?: DestinationStream): Promise<Logger> {
  return pino({
    level: config.LOG_LEVEL,
    base: { service: name, version: config.SERVICE_VERSION, pod: config.HOSTNAME },
    timestamp: isoTime(),
    formatters: { level: label => ({ level: label }) }
  }, destination ?? await stdout())
}

async function stdout (): Promise<DestinationStream> {
  // Loaded for people alone: a container never pays for it.
  if (process.stdout.isTTY) return (await import('./pretty.ts')).prettyStream()
  return gathered(pino.destination({ fd: 1, sync: true }))
}

/** How long a line may wait for others. */
const GATHER_MS = 10

/**
 * Writes lines that come close together in one piece. Under load, a write for each line would be a good part of what a request costs,
 * and pino's own asynchronous destination costs as much again in threads.
 */
function gathered (destination: DestinationStream & { flushSync: () => void }): DestinationStream & { flushSync: () => void } {
  let lines = ''
  const write = () => {
    if (lines !== '') destination.write(lines)
    lines = ''
  }
  process.once('exit', write)
  return {
    write (line) {
      if (lines === '') setTimeout(write, GATHER_MS)
      lines += line
    },
    flushSync () { // which pino calls after a fatal line
      write()
      destination.flushSync()
    }
  }
}

/** As pino's own, but made once for all lines of a millisecond. */
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

import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
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
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) }
  }, destination ?? await stdout())
}

async function stdout (): Promise<DestinationStream> {
  // Loaded for people alone: a container never pays for it.
  if (process.stdout.isTTY) return (await import('./pretty.ts')).prettyStream()
  return pino.destination({ fd: 1, sync: false })
}

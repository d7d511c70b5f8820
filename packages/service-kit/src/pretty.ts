import type { DestinationStream } from 'pino'
import pretty, { type PrettyOptions } from 'pino-pretty'
import { controlsAsText } from './controls.ts'

// The message of an access line has these fields already.
const IN_MESSAGE = 'method,host,path,status,bytes,durationMs,fault'

const OPTIONS: PrettyOptions = {
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: `service,version,pod,requestId,client,${IN_MESSAGE}`,
  messageFormat: ({ msg, method, host, path, status, bytes, durationMs, fault }) => {
    if (method === undefined) return String(msg)
    const injected = fault === undefined ? '' : ` (injected fault: ${fault})`
    return `${method} ${host}${path} ${status} ${bytes ?? '-'} B ${durationMs} ms${injected}`
  }
}

/** Makes a function that turns JSON log lines into text for people, and leaves other lines as they are. */
export function prettifier (colorize: boolean): (line: string) => string {
  const prettify = pretty.prettyFactory({ ...OPTIONS, colorize })
  return line => prettify(controlsAsText(line)) ?? ''
}

/** Writes log lines to stdout as text for people. */
export function prettyStream (): DestinationStream {
  const prettify = prettifier(pretty.isColorSupported)
  return { write: line => { process.stdout.write(prettify(line)) } }
}

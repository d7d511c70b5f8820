import type { DestinationStream } from 'pino'
import pretty, { type PrettyOptions } from 'pino-pretty'

// The fields of an access line are in its message already.
const IN_MESSAGE = 'method,host,path,status,bytes,durationMs,fault'

const OPTIONS: PrettyOptions = {
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: `service,version,pod,requestId,client,${IN_MESSAGE}`,
  messageFormat: ({ msg, method, host, path, status, bytes, durationMs, fault }) =>
    method === undefined
      ? String(msg)
      : `${method} ${host}${path} ${status} ${bytes ?? '-'} B ${durationMs} ms${fault === undefined ? '' : ` (injected fault: ${fault})`}`
}

/** Turns log lines into text for people; other lines pass. */
export function prettifier (colorize: boolean): (line: string) => string {
  const prettify = pretty.prettyFactory({ ...OPTIONS, colorize })
  return line => prettify(line) ?? ''
}

/** Stdout, for people. */
export function prettyStream (): DestinationStream {
  return pretty({ ...OPTIONS, sync: true })
}

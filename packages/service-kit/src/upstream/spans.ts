import type { Attributes, Span } from '@opentelemetry/api'
import { unbracketed } from '../addresses.ts'
import { pathOf } from '../paths.ts'
import { endWithError } from '../tracing/request-trace.ts'
import type { UpstreamError } from './answer.ts'

/** Makes a function for the attributes of a call's span, by OpenTelemetry's semantic conventions. */
export function attributesFor (name: string, { origin, hostname, protocol, port }: URL) {
  const ofUpstream = {
    'server.address': unbracketed(hostname),
    'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    'service.peer.name': name
  }
  return (method: string, path: string): Attributes => ({
    'http.request.method': method,
    'url.full': origin + pathOf(path), // without the query, which may hold confidential values
    ...ofUpstream
  })
}

/** Ends the span of a call that got an answer; a status from 400 up is an error. */
export function endWithAnswer (span: Span, status: number, fault: string): void {
  span.setAttribute('http.response.status_code', status)
  if (fault !== '') span.setAttribute('outfitters.fault', fault)
  if (status >= 400) endWithError(span, String(status))
  else span.end()
}

/** Ends the span of a call that failed. If the caller has disconnected, the call is not an error. */
export function endWithFailure (span: Span, { code, message }: UpstreamError): void {
  if (code !== 'CALLER_GONE') return endWithError(span, code, message)
  span.setAttribute('outfitters.caller_gone', true)
  span.end()
}

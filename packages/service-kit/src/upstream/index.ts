export { UpstreamAnswer, UpstreamError, type UpstreamErrorCode } from './answer.ts'
export { Upstream, type UpstreamCall, type UpstreamOptions } from './client.ts'
export { logUpstreamError, upstreamErrors } from './replies.ts'

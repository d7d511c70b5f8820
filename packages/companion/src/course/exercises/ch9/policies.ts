import type { Observed } from '../../exercise.ts'
import { share } from '../../steps.ts'
import type { Count } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'

const CALLS = 20

/** Calls a service twenty times from the pod without a sidecar. Prints the status of each call, or 000. */
export const callFromOutside = (service: string, path: string): string[] => [
  'kubectl', 'exec', 'outside', '--', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}\\n', '--max-time', '5',
  `http://${service}.NAMESPACE${path}?[1-${CALLS}]`
]

/** How many of these calls had this status. */
export const countStatus = (status: string) => ({ output }: Observed): Count =>
  ({ count: share(output.split('\n'), line => line === status).count, of: CALLS })

/** A sidecar refused the call because no policy allows it. */
export const denied = ({ status, body }: Call) => status === 403 && body === 'RBAC: access denied'

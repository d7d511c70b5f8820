import type { Observed } from '../../exercise.ts'
import { share } from '../../steps.ts'
import type { Count } from '../../../judge/statistics.ts'
import type { Call } from '../../../judge/load.ts'

const TIMES = 20

/** Asks something of the namespace twenty times, from the pod that has no proxy; prints a status each, 000 where there was no answer. */
export const fromOutside = (service: string, path: string): string[] =>
  ['kubectl', 'exec', 'outside', '--', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}\\n', '--max-time', '5', `http://${service}.NAMESPACE${path}?[1-${TIMES}]`]

/** How many of them had that status. */
export const withStatus = (status: string) => ({ output }: Observed): Count => ({ count: share(output.split('\n'), line => line === status).count, of: TIMES })

/** A proxy refuses what no policy allows. */
export const denied = ({ status, body }: Call) => status === 403 && body === 'RBAC: access denied'

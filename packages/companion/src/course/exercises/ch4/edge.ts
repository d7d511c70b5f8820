import type { Control, Run } from '../../exercise.ts'
import { run } from '../../steps.ts'
import type { Call } from '../../../judge/load.ts'

export const WEBAPP = 'webapp.istioinaction.io'
export const CATALOG = 'catalog.istioinaction.io'

/** How those who go through the gateway get to know it: by the authority of this run. */
export const ca = 'FOLDER/ca.crt'

export const hasCatalog = ({ status, body }: Call) => status === 200 && body.includes('"name":"Elinor Glasses"')

/** Gives the gateway the certificate of a host, as a Secret in its own namespace: that of the mesh's gateway, or ours by the Gateway API. */
export const credential = (service: string, says: string): Run => run(
  `kubectl -n GATEWAYS create secret tls ${service}-credential.istioinaction.io --cert=FOLDER/${service}.istioinaction.io.crt --key=FOLDER/${service}.istioinaction.io.key`,
  says,
  { id: `create-secret-of-${service}`, makes: [`GATEWAYS:secret/${service}-credential.istioinaction.io`] }
)

/** Commands have another word in place of one. */
export const otherWords = (when: string, from: string, to: string, fails: string): Control => ({
  when,
  change: step => step.kind === 'run' ? { ...step, command: step.command.map(word => word.replaceAll(from, to)) } : step,
  fails
})

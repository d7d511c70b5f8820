import type { Control, Run } from '../../exercise.ts'
import { apply, run } from '../../steps.ts'
import type { Call } from '../../../judge/load.ts'

/** The host of the webapp at the gateway. */
export const WEBAPP = 'webapp.istioinaction.io'
/** The host of the catalog at the gateway. */
export const CATALOG = 'catalog.istioinaction.io'

/** The certificate of the authority that the exercise makes: clients verify the gateway with it. */
export const ca = 'FOLDER/ca.crt'

/** The webapp returned the catalog. */
export const hasCatalog = ({ status, body }: Call) => status === 200 && body.includes('"name":"Elinor Glasses"')

/** Routes requests from every port of the Gateway to the webapp. */
export const routeToWebapp =
  apply('istio/ch4/coolstore-vs.yaml', 'Route requests for the webapp\'s host to the webapp.')

/**
 * Stores the certificate of a host in a Secret in the gateway's namespace. That is the namespace of the mesh's ingress
 * gateway, or of our own gateway if the exercise uses the Gateway API.
 */
export const createTlsSecret = (service: string, says: string): Run => {
  const secret = `${service}-credential.istioinaction.io`
  const files = `--cert=FOLDER/${service}.istioinaction.io.crt --key=FOLDER/${service}.istioinaction.io.key`
  return run(`kubectl -n GATEWAYS create secret tls ${secret} ${files}`, says, {
    id: `create-secret-of-${service}`,
    makes: [`GATEWAYS:secret/${secret}`]
  })
}

/** Replaces a word in all commands of the exercise. */
export const otherWords = (when: string, from: string, to: string, fails: string): Control => ({
  when,
  change: step => step.kind === 'run'
    ? { ...step, command: step.command.map(word => word.replaceAll(from, to)) }
    : step,
  fails
})

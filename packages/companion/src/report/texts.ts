import { checkText } from '../judge/figures.ts'
import type { Result, Unjudged } from '../run/reporter.ts'

/** The command to type that runs the companion with these arguments, in the same place as this run. */
export type Again = (args: string) => string

/** Prints a text and a line break: `log` to the standard output, and `error` to the standard error. */
export interface Print {
  log (text: string): void
  error (text: string): void
}

/** Why a check was not judged. */
export function unjudgedText ({ name, lacks, disturbed }: Unjudged): string {
  return `${name}: not judged, because ${disturbed ?? `this mesh lacks ${lacks}`}`
}

/** The checks of an exercise that failed, with a line for each. */
export const failuresOf = ({ checks }: Result) => checks.filter(({ ok }) => !ok).map(checkText)

/** The first line of a text that is not empty. */
export const firstLineOf = (text: string) => /\S.*/.exec(text)?.[0].trimEnd() ?? 'no message'

/** What could not be restored. */
export function unrestoredText (failures: string[], again: Again): string {
  const list = failures.map(failure => `  ${failure}`).join('\n')
  return `Not everything could be restored. To try again: ${again('--reset')}\n${list}`
}

/** What keeps a namespace that the companion created. */
export function keptText (kept: string[], namespace: string): string {
  const objects = kept.join(', ')
  return `Namespace ${namespace} was created for the exercises. It stays, because it has objects of yours: ${objects}`
}

/** How to find out why an exercise did not pass. */
export function deeperText (id: string, namespace: string, again: Again): string {
  const routes = `istioctl proxy-config routes deploy/webapp -n ${namespace} -o yaml`
  const hints = [
    ['istioctl proxy-status', 'whether the proxies have received their configuration from istiod'],
    [routes, 'the routes of the webapp\'s sidecar; also: clusters, endpoints'],
    [`kubectl -n ${namespace} logs deploy/webapp -c istio-proxy`, 'how each call ended, with Envoy\'s response flags']
  ] as const
  const width = Math.max(...hints.map(([command]) => command.length))
  return [
    `To look deeper: ${again(`${id} --keep`)}, and then`,
    ...hints.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}`)
  ].join('\n')
}

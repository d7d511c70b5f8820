// What the tests of the exercises share: fresh namespaces, and the companion as a reader calls it.
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { command } from '../src/cluster/command.ts'
import { Kubectl } from '../src/cluster/kubectl.ts'
import { course } from '../src/course/registry.ts'
import type { Result, Summary } from '../src/run/reporter.ts'

/** The command-line program of the companion. */
export const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** kubectl for objects outside the namespaces of a test. */
export const cluster = new Kubectl('default')

/** A name for a namespace that does not exist yet. */
export const freshName = () => `e2e-${randomBytes(3).toString('hex')}`

/** Makes names for new namespaces, and deletes those namespaces at the end of a test file. */
export function freshNamespaces () {
  const names: string[] = []
  return {
    fresh () {
      const name = freshName()
      names.push(name)
      return name
    },

    /** Deletes the namespaces. Their routes are deleted first: until then they claim hosts of the gateway. */
    async remove () {
      for (const name of names) await deleteRoutes(new Kubectl(name))
      await cluster.run(['delete', 'namespace', ...names, '--ignore-not-found', '--wait=false'])
    }
  }
}

/** Deletes all Gateways and VirtualServices of a namespace. */
export const deleteRoutes = (kubectl: Kubectl) =>
  kubectl.try(['delete', 'gateways.networking.istio.io,virtualservices', '--all'])

/** Runs `npm run exercise` with these arguments; `input` is what the reader types. */
export const exercise = (args: string[], input = '') => command('node', [CLI, ...args], { input })

/**
 * The summary of exercises that run as a reader runs them. Those that the machine was too busy to judge run once more,
 * in another namespace.
 *
 * @param which the ids of the exercises, or --all
 * @param options other options
 * @param fresh makes a name for a new namespace
 * @returns also the namespace of the first run
 */
export async function summaryOf (
  which: string[], options: string[], fresh: () => string
): Promise<{ summary: Summary, namespace: string }> {
  const namespace = fresh()
  const runIn = async (namespace: string, which: string[]) => {
    const { stdout } = await exercise([...which, ...options, '--json', '--namespace', namespace])
    return JSON.parse(stdout) as Summary
  }
  const summary = await runIn(namespace, which)
  const again = summary.results.filter(({ verdict }) => verdict === 'unjudged').map(({ id }) => id)
  if (again.length === 0) return { summary, namespace }
  console.log(`not judged, so they run again: ${again.join(' ')}`)
  const second = await runIn(fresh(), again)
  const results = summary.results.map(result => second.results.find(({ id }) => id === result.id) ?? result)
  const merged = {
    ...summary,
    passed: summary.passed + second.passed,
    failed: summary.failed + second.failed,
    notJudged: second.notJudged,
    results
  }
  return { summary: merged, namespace }
}

/** The phase of a namespace: empty if it does not exist, `Terminating` while it is being deleted. */
export async function phaseOf (namespace: string): Promise<string> {
  const get = ['get', 'namespace', namespace, '--ignore-not-found', '-o', 'jsonpath={.status.phase}']
  const { stdout } = await cluster.try(get)
  return stdout
}

/**
 * What the companion prints when a step begins.
 *
 * @throws {Error} if there is no such step, or the step prints nothing
 */
export function textOf (exerciseId: string, stepId: string): string {
  const step = course.find(({ id }) => id === exerciseId)?.steps.find(({ id }) => id === stepId)
  if (step === undefined || !('says' in step)) throw new Error(`${exerciseId} has no step ${stepId} with a text`)
  return step.says
}

/** The result of a check. */
export const checkOf = (result: Result | undefined, id: string) => result?.checks.find(check => check.id === id)

/** Why the machine was too busy to judge a check, although others may have failed; undefined if it was judged. */
export const reasonNotJudged = (result: Result | undefined, id: string) =>
  result?.unjudged?.find(check => check.id === id)?.disturbed

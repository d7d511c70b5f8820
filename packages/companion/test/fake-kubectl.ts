import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { IngressGateway } from '../src/cluster/gateway.ts'
import type { Execute } from '../src/cluster/kubectl.ts'
import { choose, FALSE_ALARM_PER_CHECK } from '../src/course/registry.ts'
import { silent } from '../src/run/reporter.ts'
import { runExercises } from '../src/run/run.ts'

interface Result {
  code?: number
  /** an object is printed as JSON */
  stdout?: string | object
  stderr?: string
  /** the command runs until it is ended */
  stays?: boolean
}

/**
 * The result of a kubectl command: the first answer counts whose pattern matches the arguments, separated by spaces.
 * `then` is the result from the second time on.
 */
export type Answer = [pattern: RegExp, result: Result & { then?: Result }]

const PROXY = { spec: { containers: [{ name: 'probe' }], initContainers: [{ name: 'istio-proxy' }] } }

const metadata = { name: 'istio-ingressgateway', namespace: 'istio-system' }
const labels = { app: 'istio-ingressgateway', istio: 'ingressgateway' }

/** The Service of the gateway of `istioctl install`, at an address where nothing answers. */
export const INGRESS_SERVICE = {
  kind: 'Service', metadata, spec: { clusterIP: '127.0.0.254', selector: labels }, status: {}
}
/** The Deployment of that gateway. */
export const INGRESS_DEPLOYMENT = {
  kind: 'Deployment', metadata, spec: { replicas: 1, template: { metadata: { labels } } }
}

/** The same gateway as `findGateway` finds it. */
export const INGRESS: IngressGateway = {
  namespace: metadata.namespace,
  service: metadata.name,
  workload: `deployment/${metadata.name}`,
  labels,
  selector: 'istio: ingressgateway',
  replicas: 1
}

/** istiod's Pod as a release has it. */
export const istiod = (version: string) => ({
  metadata: {
    name: 'istiod-1',
    namespace: 'istio-system',
    labels: { app: 'istiod', 'app.kubernetes.io/version': '1.0.0' }
  },
  spec: { containers: [{ name: 'discovery', image: `docker.io/istio/pilot:${version}` }] },
  status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] }
})

/** A mesh that works, with an empty namespace. */
export const MESH: Answer[] = [
  [/^config current-context/, { stdout: 'kind-outfitters\n' }],
  [/^api-resources --api-group/, { stdout: 'gateways.networking.istio.io\nvirtualservices.networking.istio.io\n' }],
  [/^get pods -A -l app=istiod/, { stdout: { items: [istiod('1.31.0')] } }],
  [/^version/, { stdout: { serverVersion: { gitVersion: 'v1.34.4' } } }],
  [/^get services -A -l istio in/, { stdout: { items: [INGRESS_SERVICE] } }],
  [/istio-system get service istio-ingressgateway/, { stdout: INGRESS_SERVICE }],
  [/istio-system get deployments /, { stdout: { items: [INGRESS_DEPLOYMENT] } }],
  [/istio-system get daemonsets /, { stdout: { items: [] } }],
  [/^get namespace/, { stdout: 'Active' }],
  [/create --dry-run/, { stdout: PROXY }],
  [/^get gateways/, { stdout: { items: [] } }],
  [/get secret/, {}],
  [/get pods -l/, { stdout: { items: [] } }],
  [/^api-resources --categories=gateway-api/, {}],
  [/ (create|replace) -f - -o jsonpath/, { stdout: '7' }],
  [/get istio-io/, {}],
  [/get deployments/, {}],
  [/kustomize/, { stdout: 'apiVersion: v1\nkind: Service\nmetadata: { name: catalog }' }],
  [/get service\/catalog/, {}],
  [/get gateway\.networking\.istio\.io\/outfitters-gateway/, {}],
  [/ apply /, {}],
  [/ delete /, {}]
]

const printed = ({ stdout = '', ...result }: Result) =>
  ({ ...result, stdout: typeof stdout === 'string' ? stdout : JSON.stringify(stdout) })

/** Answers commands within this process, as kubectl would. A command without an answer fails. */
export function answering (...answers: Answer[]): Execute {
  const seen = new Set<Answer>()
  return async (name, args, { signal }) => {
    const line = args.join(' ')
    const answer = name === 'kubectl' ? answers.find(([pattern]) => pattern.test(line)) : undefined
    if (answer === undefined) return { code: 1, stdout: '', stderr: `unexpected: ${name} ${line}` }
    const [, { then, ...first }] = answer
    const { code = 0, stderr = '', stays = false, stdout } = printed(seen.has(answer) ? then ?? first : first)
    seen.add(answer)
    if (stays && signal?.aborted !== true) await new Promise(resolve => signal?.addEventListener('abort', resolve))
    return { code, stdout, stderr }
  }
}

/** Runs an exercise in a mesh that works, except that kubectl answers like this. */
export const runWith = (id: string, ...answers: Answer[]) => runExercises({
  exercises: choose([id]),
  namespace: 'shop',
  report: silent,
  falseAlarm: FALSE_ALARM_PER_CHECK,
  patience: 300,
  execute: answering(...answers, ...MESH)
})

/** Puts a script onto the PATH as kubectl. The function that it returns undoes that. */
function onPath (script: string): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'fake-kubectl-'))
  const path = process.env['PATH']
  writeFileSync(join(folder, 'kubectl'), script, { mode: 0o755 })
  process.env['PATH'] = folder + delimiter + path
  return () => {
    process.env['PATH'] = path
    rmSync(folder, { recursive: true })
  }
}

/** Puts a kubectl onto the PATH that fails, so that no test reaches a real cluster. */
export const failingKubectl = () => onPath('#!/bin/sh\nexit 1\n')

/**
 * Puts a kubectl onto the PATH that answers like this, and fails for anything else: for tests that need a process.
 *
 * @returns a function that undoes it
 */
export function fakeKubectl (...answers: Answer[]): () => void {
  const table = answers.map(([pattern, { then, ...first }]) => [pattern.source, printed(first), printed(then ?? first)])
  const seen = mkdtempSync(join(tmpdir(), 'fake-kubectl-'))
  const undo = onPath(`#!${process.execPath}
const { existsSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2).join(' ')
const table = ${JSON.stringify(table)}
const index = table.findIndex(([pattern]) => new RegExp(pattern).test(args))
const before = ${JSON.stringify(seen)} + '/' + index
const unexpected = { code: 1, stderr: 'unexpected: kubectl ' + args }
const answer = index === -1 ? unexpected : table[index][existsSync(before) ? 2 : 1]
const { code = 0, stdout = '', stderr = '', stays = false } = answer
writeFileSync(before, '')
process.stdout.write(stdout)
process.stderr.write(stderr)
process.exitCode = code
if (stays) setInterval(() => {}, 1000)
`)
  return () => {
    undo()
    rmSync(seen, { recursive: true })
  }
}

// What the processes, containers and Pods of the store may do, and who can reach them.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { ROOT } from '../../../scripts/project.ts'
import { environmentOf, portsFrom, storeOn } from '../src/processes.ts'

interface Container {
  resources: { limits: { memory?: string } }
  securityContext: object
  env?: { name: string }[]
}
interface Pod { automountServiceAccountToken: boolean, securityContext: object, containers: Container[] }
interface Deployment { kind: string, spec: { template: { spec: Pod } } }
interface Compose { services: Record<string, { volumes?: string[] }> }

const text = (file: string) => readFileSync(join(ROOT, file), 'utf8')

afterEach(() => { vi.unstubAllEnvs() })

test('npm start lets all processes listen only on 127.0.0.1, even if HOST is set', () => {
  vi.stubEnv('HOST', '0.0.0.0')
  const processes = storeOn(portsFrom({}))
  expect(processes.length).toBeGreaterThan(4)
  for (const process of processes) expect(environmentOf(process)['HOST'], process.name).toBe('127.0.0.1')
})

describe.each([
  'docker-compose.yml', 'docker-compose.observability.yml'
])('the containers of %s', file => {
  const { services } = parse(text(file), { merge: true }) as Compose
  // The second file adds only logs and traces to the containers of the first.
  const containers = Object.entries(services).filter(([, container]) => 'image' in container)

  test('have a read-only root file system, no capabilities, and limits', () => {
    expect(containers.length).toBeGreaterThan(4)
    for (const [name, container] of containers) {
      expect(container, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        mem_limit: expect.stringMatching(/^\d+[mg]$/),
        pids_limit: expect.any(Number)
      })
    }
  })

  test('cannot write files of this machine, and have no access to Docker', () => {
    for (const volume of containers.flatMap(([, { volumes = [] }]) => volumes)) {
      expect(volume).toMatch(/^\.\/observability\/.*:ro$/)
    }
  })
})

describe('the Pods of the store', () => {
  const pods = globSync('k8s/services/*.yaml', { cwd: ROOT }).sort()
    .flatMap(file => parseAllDocuments(text(file)).map(document => document.toJS() as Deployment))
    .filter(({ kind }) => kind === 'Deployment')
    .map(({ spec }) => spec.template.spec)

  test('have no token for the API server, a read-only root file system, no capabilities and a limit of memory', () => {
    expect(pods).toHaveLength(4)
    for (const { automountServiceAccountToken, securityContext, containers } of pods) {
      expect(automountServiceAccountToken).toBe(false)
      expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }
        })
        expect(container.resources.limits.memory).toBe('256Mi')
      }
    }
  })

  test('do not open their faults to callers outside the Pod', () => {
    const names = pods.flatMap(({ containers }) => containers.flatMap(({ env = [] }) => env.map(({ name }) => name)))
    expect(names).toContain('SERVICE_VERSION')
    expect(names).not.toContain('CHAOS_ACCESS')
  })
})

test('the user of the images is not root', () => {
  expect(Array.from(text('Dockerfile').matchAll(/^USER (.*)$/gm), ([, user]) => user)).toEqual(['1000:1000'])
})

test('no workflow of a pull request may write to the repository or publish anything', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT }).map(file => parse(text(file)) as {
    on: object, permissions: Record<string, string>
  })
  const ofPullRequests = workflows.filter(workflow => 'pull_request' in workflow.on)
  expect(ofPullRequests).toHaveLength(1)
  for (const { permissions } of ofPullRequests) expect(permissions).toEqual({ contents: 'read' })
  expect(workflows.filter(workflow => 'pull_request_target' in workflow.on)).toEqual([])
})

// Third-party dependencies have fixed versions, and Renovate finds each of these versions.
import { spawnSync } from 'node:child_process'
import {
  chmodSync, existsSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAllowedLicense } from '../../../scripts/production.ts'
import { ROOT, SERVICES } from '../../../scripts/project.ts'

interface CustomManager {
  managerFilePatterns: string[]
  matchStrings: string[]
  depNameTemplate?: string
}

interface Sbom {
  bomFormat: string
  specVersion: string
  metadata: { component: { 'bom-ref': string, name: string } }
  components: { 'bom-ref': string, purl: string, licenses: unknown[], hashes?: unknown[] }[]
  dependencies: { ref: string, dependsOn: string[] }[]
}

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'outfitters-supply-')) })
afterAll(() => rmSync(folder, { recursive: true }))

const text = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const filesIn = (patterns: string[]) => globSync(patterns, { cwd: ROOT }).sort()
const WORKFLOWS = filesIn(['.github/workflows/*.yml'])
const EXACT = /:v?\d+\.\d+\.\d+(-[\w-]+)?(@sha256:[\da-f]{64})?$/

test('each action of the workflows is pinned by the full id of a commit, and a comment names its version', () => {
  const uses = WORKFLOWS.flatMap(file => Array.from(text(file).matchAll(/\buses: (.*)/g), ([, action]) => action))
  expect(uses.length).toBeGreaterThan(5)
  for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w/-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/)
})

test('all stages of the Dockerfile begin with BASE_IMAGE, which has the same default in docker-bake.hcl', () => {
  const dockerfile = text('Dockerfile')
  const [, image] = /^ARG BASE_IMAGE=(\S+)$/m.exec(dockerfile) ?? []
  const [, inBake] = /variable "OUTFITTERS_BASE_IMAGE" \{ default = "(\S+)" \}/.exec(text('docker-bake.hcl')) ?? []
  expect([image, inBake]).toEqual(['node:24-bookworm-slim', image])
  const stages = Array.from(dockerfile.matchAll(/^FROM (\S+)(?: AS (\w+))?$/gm))
  const names = stages.map(([, , name]) => name)
  const bases = stages.map(([, from]) => from).filter(from => !names.includes(from))
  expect(new Set(bases)).toEqual(new Set(['${BASE_IMAGE}'])) // eslint-disable-line no-template-curly-in-string
})

test('a release, and the collector of the mesh, name images by an exact version', () => {
  const release = /OUTFITTERS_BASE_IMAGE: (\S+)/.exec(text('.github/workflows/release.yml'))?.[1]
  const images = Array.from(text('observability/mesh/collector.yaml').matchAll(/image: (\S+)/g), ([, image]) => image)
  expect(images).toHaveLength(1)
  for (const image of [release, ...images]) expect(image).toMatch(EXACT)
})

test('Renovate finds the versions that it does not know by itself', () => {
  const { customManagers } = JSON.parse(text('renovate.json')) as { customManagers: CustomManager[] }
  const files = filesIn(['scripts/*', '.ci/*', '*.yml', '.github/workflows/*', 'packages/local/test/*.yaml'])
  const found = customManagers.flatMap(({ managerFilePatterns, matchStrings, depNameTemplate }) =>
    managerFilePatterns.map(pattern => new RegExp(pattern.slice(1, -1))).flatMap(pattern =>
      files.filter(file => pattern.test(file)).flatMap(file =>
        matchStrings.flatMap(match => Array.from(text(file).matchAll(new RegExp(match, 'g')), ({ groups = {} }) =>
          `${file}: ${groups['depName'] ?? depNameTemplate} ${groups['currentValue']}`)))))
  for (const [file, name] of [
    ['scripts/versions.env', 'istio/istio'],
    ['scripts/versions.env', 'kubernetes-sigs/gateway-api'],
    ['scripts/versions.env', 'kindest/node'],
    ['docker-compose.observability.yml', 'otel/opentelemetry-collector-k8s'],
    ['docker-compose.observability.yml', 'grafana/loki'],
    ['docker-compose.observability.yml', 'busybox'],
    ['.github/workflows/ci.yml', 'prom/prometheus'],
    ['.github/workflows/release.yml', 'node'],
    ['.ci/run', 'go.opentelemetry.io/collector/cmd/builder'],
    ['packages/local/test/otelcol.yaml', 'go.opentelemetry.io/collector/receiver/otlpreceiver']
  ]) expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${file}: ${name} v?\\d+\\.\\d`)))
})

describe('the bill of materials', () => {
  let sbom: Sbom
  beforeAll(() => {
    const file = join(folder, 'sbom.json')
    const { status, stderr } = spawnSync('node', ['scripts/sbom.ts', file], { cwd: ROOT, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    sbom = JSON.parse(readFileSync(file, 'utf8')) as Sbom
  })

  /** The packages that Node finds from the workspaces of the images, in the folders of node_modules on this machine. */
  function packagesOfImages (): Set<string> {
    const found = new Set<string>()
    const visited = new Set<string>()
    const visit = (folder: string) => {
      if (visited.has(folder)) return
      visited.add(folder)
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name: string
        version: string
        dependencies?: object
        peerDependencies?: object
        peerDependenciesMeta?: Record<string, { optional?: boolean }>
      }
      found.add(`${manifest.name}@${manifest.version}`)
      const peers = Object.keys(manifest.peerDependencies ?? {})
        .filter(name => manifest.peerDependenciesMeta?.[name]?.optional !== true)
      for (const name of [...Object.keys(manifest.dependencies ?? {}), ...peers]) {
        const place = findPackage(folder, name)
        if (place !== undefined) visit(place)
      }
    }
    for (const workspace of ['packages/local', ...SERVICES.map(name => `services/${name}`)]) {
      visit(join(ROOT, workspace))
    }
    return found
  }

  /** The folder of a package as Node finds it: in node_modules of a folder, or of a folder above it. */
  function findPackage (folder: string, name: string): string | undefined {
    const place = join(folder, 'node_modules', name)
    if (existsSync(join(place, 'package.json'))) return realpathSync(place)
    return folder === dirname(folder) ? undefined : findPackage(dirname(folder), name)
  }

  test('lists every package that the images contain, with its license, and no development tool', () => {
    const listed = sbom.components.map(({ 'bom-ref': ref }) => ref)
    expect(listed.toSorted()).toEqual([...packagesOfImages()].toSorted())
    expect(listed).toContainEqual(expect.stringMatching(/^fastify@/))
    for (const { purl, licenses } of sbom.components) expect(licenses, purl).not.toEqual([])
  })

  test('is a CycloneDX document whose references lead to its components', () => {
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: expect.stringMatching(/^1\.\d$/) })
    const { metadata: { component }, components, dependencies } = sbom
    expect(component.name).toBe('outfitters')
    const refs = [component, ...components].map(({ 'bom-ref': ref }) => ref)
    expect(new Set(refs).size).toBe(refs.length)
    expect(refs).toEqual(expect.arrayContaining(dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn])))
  })
})

test.each([
  ['MIT', true], ['(MIT AND Zlib)', true], ['MIT OR GPL-3.0-only', true], ['GPL-3.0-only', false],
  ['MIT AND GPL-3.0-only', false], ['(MIT OR ISC) AND GPL-3.0-only', false],
  ['(MIT OR ISC) AND (GPL-3.0-only)', false], ['', false], [undefined, false]
])('whether a package in production may have the license %s: %s', (license, isAllowed) => {
  expect(isAllowedLicense(license)).toBe(isAllowed)
})

describe('npm run audit', () => {
  const report = (severity: string) => JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: { undici: { severity, via: [{ title: 'Request smuggling', url: 'https://x.example/1' }] } }
  })

  /** The exit code and the output of the script, if npm prints `output`. */
  function audit (output: string) {
    writeFileSync(join(folder, 'output.json'), output)
    writeFileSync(join(folder, 'npm'), `#!/bin/sh\ncat ${join(folder, 'output.json')}\nexit 1\n`)
    chmodSync(join(folder, 'npm'), 0o755)
    const { status, stdout, stderr } = spawnSync('node', ['scripts/audit.ts'], {
      cwd: ROOT, encoding: 'utf8', env: { ...process.env, PATH: [folder, process.env['PATH']].join(delimiter) }
    })
    return { status, printed: stdout + stderr }
  }

  test('passes if no package has a serious vulnerability', () => {
    expect(audit('{"auditReportVersion":2,"vulnerabilities":{}}').status).toBe(0)
    expect(audit(report('moderate')).status).toBe(0)
  })

  test.each(['high', 'critical'])('fails if a package has a vulnerability of severity %s, and names both', severity => {
    const { status, printed } = audit(report(severity))
    expect(status).toBe(1)
    expect(printed).toContain(`undici has a vulnerability of severity ${severity}: Request smuggling https://x.example/1`)
  })

  test.each([
    '{"message":"405 Method Not Allowed","statusCode":405}',
    '{"error":{"code":"ENOTFOUND","summary":"405 Method Not Allowed"}}'
  ])('neither passes nor fails if the registry does not answer the question: %s', output => {
    const { status, printed } = audit(output)
    expect(status).toBe(4)
    expect(printed).toMatch(/^NOT TESTED: known vulnerabilities.*405 Method Not Allowed/)
  })

  test('neither passes nor fails if npm prints no JSON', () => {
    expect(audit('').status).toBe(4)
  })
})

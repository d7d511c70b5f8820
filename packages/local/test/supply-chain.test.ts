// What the project takes from others has a fixed version, and Renovate finds each of these versions.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

interface CustomManager {
  managerFilePatterns: string[]
  matchStrings: string[]
  depNameTemplate?: string
}

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

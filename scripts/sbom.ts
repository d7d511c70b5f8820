// npm run sbom [-- FILE]: writes the bill of materials of the images, in the format CycloneDX, to FILE or to stdout. It
// lists the npm packages. The bill of materials that a release adds to an image also has the packages of Debian.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { productionPackages, WORKSPACES_OF_IMAGES } from './production.ts'
import { ROOT } from './project.ts'

/** The parts of a CycloneDX document that this script changes. */
interface Sbom {
  metadata: { component: { 'bom-ref': string, name: string } }
  components: { 'bom-ref': string }[]
  dependencies: { ref: string, dependsOn: string[] }[]
}

const sbom = JSON.parse(execFileSync('npm', [
  'sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application',
  ...WORKSPACES_OF_IMAGES.map(workspace => `--workspace=${workspace}`)
], { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 })) as Sbom

// With --omit=dev, npm would also leave out packages of production that a development tool needs too. So this script
// leaves out the development tools itself.
const production = productionPackages(WORKSPACES_OF_IMAGES).map(({ name, version }) => `${name}@${version}`)
const { component } = sbom.metadata
const kept = new Set([component['bom-ref'], ...production])
const isKept = (ref: string) => kept.has(ref) || ref.startsWith('@outfitters/')
component.name = 'outfitters' // npm takes the name of the folder
sbom.components = uniqueBy(({ 'bom-ref': ref }) => ref, sbom.components).filter(({ 'bom-ref': ref }) => isKept(ref))
sbom.dependencies = uniqueBy(({ ref }) => ref, sbom.dependencies).filter(({ ref }) => isKept(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isKept) }))

const text = `${JSON.stringify(sbom, null, 2)}\n`
const [file] = process.argv.slice(2)
if (file === undefined) process.stdout.write(text)
else writeFileSync(resolve(process.env['INIT_CWD'] ?? '.', file), text) // npm runs scripts in the root of the project

/** One item for each key: npm 10 lists a package twice that is in two folders of node_modules. */
function uniqueBy<T> (keyOf: (item: T) => string, items: T[]): T[] {
  return [...new Map(items.map(item => [keyOf(item), item])).values()]
}

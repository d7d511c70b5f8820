// npm run audit: asks the npm registry whether the packages that run in production have known vulnerabilities. The exit
// code is 0 if none has a vulnerability of severity high or critical, 1 if some have, and 4 if the registry did not
// answer: some mirrors of the registry have no such data.
import { spawnSync } from 'node:child_process'
import { ROOT } from './project.ts'

const NOT_TESTED = 4

/** The output of `npm audit --json`. Without a version, it is an error, and there is no report. */
interface Audit {
  auditReportVersion?: number
  message?: string
  error?: { summary?: string }
  vulnerabilities?: Record<string, { severity: string, via: (string | { title: string, url: string })[] }>
}

const { stdout, stderr, error } = spawnSync('npm', ['audit', '--omit=dev', '--audit-level=high', '--json'], {
  cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28
})
const audit = parse(stdout ?? '')
if (audit.auditReportVersion === undefined) {
  const printed = error?.message ?? (stderr.trim() || 'npm audit printed nothing')
  const reason = audit.message ?? audit.error?.summary ?? printed
  console.error(`NOT TESTED: known vulnerabilities, because the registry did not answer the question: ${reason}`)
  process.exitCode = NOT_TESTED
} else {
  const all = Object.entries(audit.vulnerabilities ?? {})
  const serious = all.filter(([, { severity }]) => ['high', 'critical'].includes(severity))
  for (const [name, { severity, via }] of serious) {
    const reasons = via.map(cause => typeof cause === 'string' ? `through ${cause}` : `${cause.title} ${cause.url}`)
    console.error(`${name} has a vulnerability of severity ${severity}: ${reasons.join('; ')}`)
  }
  console.log(`packages in production with a known vulnerability of severity high or critical: ${serious.length}`)
  process.exitCode = serious.length === 0 ? 0 : 1
}

/** The JSON of a text; empty if it is none. */
function parse (text: string): Audit {
  try {
    return JSON.parse(text) as Audit
  } catch {
    return {}
  }
}

// npm run fuzz: attacks the services with hostile requests, clients and upstreams, and judges the answers.
import { parseArgs } from 'node:util'
import { attackWith, HOSTILE_CLIENTS } from './clients.ts'
import { ensureSchemathesis, NoSchemathesis, runSchemathesis } from './schemathesis.ts'
import { reset, startTargets, type Running } from './target.ts'
import { HOSTILE_UPSTREAMS, startWithHostileUpstreams } from './upstreams.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '4000' },
    seed: { type: 'string', default: '20231' }
  }
})
const cases = Number(values.cases)
const seed = Number(values.seed)
if (!(Number.isInteger(cases) && cases > 0 && Number.isInteger(seed) && seed >= 0)) {
  console.error('usage: npm run fuzz -- [--cases NUMBER] [--seed NUMBER], with whole numbers')
  process.exit(2)
}

let attacks = 0
let failed = 0
const running = new Set<Running>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, async () => {
    await Promise.all([...running].map(({ stop }) => stop()))
    process.exit(1)
  })
}
process.exitCode = await main()

async function main (): Promise<number> {
  console.log(`Seed ${seed}. To repeat this run: npm run fuzz -- --cases ${cases} --seed ${seed}`)
  try {
    ensureSchemathesis()
  } catch (error) {
    if (!(error instanceof NoSchemathesis)) throw error
    console.error(error.message)
    return 1
  }
  await attackStore()
  await attackWebappThroughUpstreams()
  console.log(failed === 0 ? 'Nothing was found.' : `${failed} of ${attacks} attacks found something.`)
  return failed === 0 ? 0 : 1
}

async function attackStore (): Promise<void> {
  const store = await startTargets()
  running.add(store)
  const { targets, complaints } = store
  for (const target of targets) {
    for (const client of HOSTILE_CLIENTS) {
      await judge(`${target.name}: a client that ${client.name}`, complaints, () =>
        attackWith(client, target, { seed, share: 1 }))
    }
  }
  for (const target of targets) {
    await judge(`${target.name}: at least ${cases} requests of Schemathesis`, complaints, async () => {
      const { sent, found } = await runSchemathesis(target, { cases, seed })
      await reset(target)
      return [...found, ...sent < cases ? [`Schemathesis sent only ${sent} requests`] : []]
    })
  }
  await store.stop()
}

async function attackWebappThroughUpstreams (): Promise<void> {
  const webapp = await startWithHostileUpstreams()
  running.add(webapp)
  for (const name of Object.keys(HOSTILE_UPSTREAMS)) {
    await judge(`webapp: an upstream that ${name}`, webapp.complaints, () => webapp.attackWith(name))
  }
  await webapp.stop()
}

/** Prints the result of an attack: what it found, and what the processes complained about meanwhile. */
async function judge (name: string, complaints: string[], attack: () => Promise<string[]>): Promise<void> {
  attacks++
  const start = performance.now()
  const found = [...await attack(), ...complaints.splice(0)]
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${found.length === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (found.length > 0) failed++
  for (const line of found.slice(0, 20)) console.log(line.replaceAll(/^/gm, '       '))
}

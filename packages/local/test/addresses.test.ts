// The addresses on which the services and the front listen if HOST is not set: on machines with only IPv6, with only
// IPv4, and with both. Each machine is a network namespace, in which all ports are free. It needs Linux and root.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ROOT } from '../../../scripts/project.ts'

const LO = 'ip link set lo up; ip -6 address add ::6/128 dev lo nodad || true'
const NO_IPV6 = ['all', 'default', 'lo'].map(name => `net.ipv6.conf.${name}.disable_ipv6=1`)
const MACHINES = {
  'IPv6 only': `${LO}; ip address delete 127.0.0.1/8 dev lo`,
  'IPv4 only': `sysctl -qw ${NO_IPV6.join(' ')}; ${LO}`,
  both: LO
}
const SERVERS = [
  { name: 'catalog', script: 'services/catalog/src/server.ts', port: 3000, env: {} },
  { name: 'webapp', script: 'services/webapp/src/server.ts', port: 8080, env: {} },
  { name: 'forum', script: 'services/forum/src/server.ts', port: 8081, env: { PORT: '8081', LOCAL_USERS: 'true' } },
  { name: 'front', script: 'packages/local/src/front-server.ts', port: 3001, env: { PORT: '3001' } }
]

function canMakeMachines (): boolean {
  try {
    for (const setUp of Object.values(MACHINES)) {
      execFileSync('unshare', ['--net', 'sh', '-ec', setUp], { stdio: 'ignore' })
    }
    return true
  } catch {
    return false
  }
}
const hasMachines = canMakeMachines()
if (!hasMachines) {
  console.error('SKIPPED: the tests of machines without IPv4 or IPv6, which need network namespaces (Linux and root)')
}

/** Sends a GET request from inside a machine. Returns the status and the body, or the code of the error. */
function ask (machine: number | undefined, url: string, from?: string): string {
  const options = JSON.stringify(from === undefined ? {} : { localAddress: from })
  const script = `require('node:http').get(${JSON.stringify(url)}, ${options}, async answer => {
    console.log(answer.statusCode, (await answer.toArray()).join(''))
  }).on('error', error => console.log(error.code))`
  const command = ['--target', String(machine), '--net', process.execPath, '-e', script]
  return execFileSync('nsenter', command, { encoding: 'utf8' }).trim()
}

describe.skipIf(!hasMachines).each<[keyof typeof MACHINES, string[], string[]]>([
  ['IPv6 only', ['[::1]'], ['::6']],
  ['IPv4 only', ['127.0.0.1'], ['127.0.0.6']],
  ['both', ['[::1]', '127.0.0.1'], ['::6', '127.0.0.6']]
])('on a machine with %s', { timeout: 240_000 }, (machine, addresses, sidecars) => {
  const children: ChildProcess[] = []
  let log = ''
  const inside = () => children[0]?.pid

  beforeAll(async () => {
    const inNamespace = ['--net', 'sh', '-ec', `${MACHINES[machine]}; echo made; exec sleep 600`]
    const holder = spawn('unshare', inNamespace, { stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(holder)
    await once(holder.stdout, 'data')
    for (const { script, env } of SERVERS) {
      const { HOST: _, ...outer } = process.env
      const command = ['--target', String(inside()), '--net', process.execPath, `${ROOT}${script}`]
      const server = spawn('nsenter', command, {
        env: { ...outer, UPSTREAMS: `http://${addresses[0]}:3000`, ...env }
      })
      server.stdout.on('data', data => { log += data })
      server.stderr.on('data', data => { log += data })
      children.push(server)
    }
    await vi.waitFor(() => expect(log.match(/Server listening/g)).toHaveLength(SERVERS.length), { timeout: 120_000 })
  }, 240_000)
  afterAll(() => { for (const child of children) child.kill('SIGKILL') })

  test.each(SERVERS)('$name answers at every address', ({ port }) => {
    for (const address of addresses) {
      expect(ask(inside(), `http://${address}:${port}/readyz`), address).toMatch(/^200 /)
    }
  })

  test('faults can be read only from inside the pod, and not through a sidecar', () => {
    for (const address of addresses) {
      expect(ask(inside(), `http://${address}:3000/blowup`), address).toBe('200 {}')
    }
    for (const from of sidecars) {
      const answer = ask(inside(), `http://${from.includes(':') ? '[::1]' : '127.0.0.1'}:3000/blowup`, from)
      expect(answer).toMatch(/^403 .*CHAOS_FORBIDDEN/)
      expect(answer).toContain(`this request is from ${from};`)
    }
  })

  test('the log shows IPv4 addresses in their usual form', async () => {
    ask(inside(), `http://${addresses.at(-1)}:3000/items`)
    const client = addresses.at(-1)?.replace(/[[\]]/g, '')
    await expect.poll(() => log).toMatch(new RegExp(`"path":"/items".*"client":"${client}"`))
    expect(log).not.toContain('::ffff:')
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, SERVICES } from '../../../scripts/project.ts'
import { portsFrom, storeOn, variableOf } from '../src/processes.ts'

const USUAL = { 'catalog-v1': 3001, 'catalog-v2': 3002, catalog: 3000, forum: 8081, webapp: 8080 }

test('if no variable is set, or a variable is empty, the ports are the documented ones', () => {
  expect(portsFrom({})).toMatchObject(USUAL)
  expect(portsFrom({ WEBAPP_PORT: '' })).toMatchObject(USUAL)
})

test('each variable sets the port of its process, and the callers of the process use that port', () => {
  const env = {
    WEBAPP_PORT: '18080', CATALOG_PORT: '13000', CATALOG_V1_PORT: '13001', CATALOG_V2_PORT: '13002', FORUM_PORT: '18081'
  }
  const store = new Map(storeOn(portsFrom(env)).map(process => [process.name, process]))
  expect(Object.fromEntries([...store].map(([name, { port }]) => [name, port]))).toMatchObject({
    webapp: 18080, catalog: 13000, 'catalog-v1': 13001, 'catalog-v2': 13002, forum: 18081
  })
  expect(store.get('catalog')?.env['UPSTREAMS']).toBe('http://127.0.0.1:13001,http://127.0.0.1:13002')
  expect(store.get('webapp')?.env).toMatchObject({ CATALOG_SERVICE_PORT: '13000', FORUM_SERVICE_PORT: '18081' })
})

test.each(['tcp://10.0.0.1:80', '0', '65536', '-1', '80a', ' 80', '1e3', '3000.5'])('%j is not a port', value => {
  const message = `CATALOG_PORT must be a port from 1 to 65535, but is '${value}'`
  expect(() => portsFrom({ CATALOG_PORT: value })).toThrow(message)
})

test('the message has all mistakes, including two processes with the same port', () => {
  const message = messageOf(() => portsFrom({ WEBAPP_PORT: 'x', FORUM_PORT: 'y', CATALOG_PORT: '3001' }))
  expect(message.split('\n')).toEqual([
    "FORUM_PORT must be a port from 1 to 65535, but is 'y'",
    "WEBAPP_PORT must be a port from 1 to 65535, but is 'x'",
    'catalog and catalog-v1 cannot both listen on port 3001: set CATALOG_PORT or CATALOG_V1_PORT to another port'
  ].toSorted((one, other) => message.indexOf(one) - message.indexOf(other)))
  expect(message.split('\n')).toHaveLength(3)
})

// With service links, Kubernetes sets CATALOG_PORT=tcp://… in pods. So only `npm start` and compose read them.
test('no service reads the variables that move the ports', () => {
  const variables = Object.keys(USUAL).map(variableOf)
  const folders = [...SERVICES.map(name => `services/${name}/src`), 'packages/service-kit/src']
  const sources = folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(file => join(ROOT, folder, file)))
  for (const file of sources.filter(file => file.endsWith('.ts'))) {
    const source = readFileSync(file, 'utf8')
    for (const variable of variables) expect(source, file).not.toMatch(new RegExp(`\\b${variable}\\b`))
  }
})

function messageOf (action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the action did not throw')
}

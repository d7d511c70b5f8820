import { expect, test } from 'vitest'
import { baseConfig, ConfigError, parseConfig } from '../src/config.ts'
import { Type } from '../src/schema.ts'

const Config = Type.Object({
  ...baseConfig,
  PORT: Type.Integer({ ...baseConfig.PORT, default: 3000 }),
  TARGET: Type.String()
})

test('a configuration has defaults, numbers and booleans, and no variables that its schema does not name', () => {
  const WithFlag = Type.Object({ ...Config.properties, FLAG: Type.Boolean() })
  const config = parseConfig(WithFlag, { TARGET: 'x', DRAIN_DELAY_MS: '5000', FLAG: 'true', PATH: '/bin' })
  expect(config).toMatchObject({
    PORT: 3000,
    LOG_LEVEL: 'info',
    SERVICE_VERSION: 'v1',
    CHAOS_ACCESS: 'local',
    DRAIN_DELAY_MS: 5000,
    TARGET: 'x',
    FLAG: true
  })
  for (const name of ['PATH', 'HOST']) expect(config).not.toHaveProperty(name) // without HOST, it is every address
})

test('an empty variable counts as unset', () => {
  expect(parseConfig(Config, { TARGET: 'x', PORT: '', CHAOS_SEED: '' })).toMatchObject({ PORT: 3000 })
})

test('an error names every mistake at once, with the variable, the requirement and the value', () => {
  const mistaken = () => parseConfig(Config, {
    PORT: 'tcp://10.0.0.1:80', CHAOS_ACCESS: 'everyone', DRAIN_DELAY_MS: '-1', SERVICE_VERSION: 'a b'
  })
  expect(mistaken).toThrow(ConfigError)
  try {
    mistaken()
  } catch (error) {
    expect((error as ConfigError).mistakes.sort()).toEqual([
      'CHAOS_ACCESS must be one of local, any, off, but is "everyone"',
      'DRAIN_DELAY_MS must be >= 0, but is "-1"',
      'PORT must be integer, but is "tcp://10.0.0.1:80"',
      'SERVICE_VERSION must match pattern "^[A-Za-z0-9._-]{1,32}$", but is "a b"',
      'TARGET is missing'
    ])
  }
})

test.each([['HOSTNAME', 'pöd'], ['SERVICE_VERSION', 'v1\nx: y']])('%s must be valid in a header', (name, value) => {
  expect(() => parseConfig(Config, { TARGET: 'x', [name]: value })).toThrow(name)
})

test.each([
  ['http-url', 'http://users.example:8080/a?b=c', [
    'users', 'ftp://x', 'http://x:99999', 'http://1.2.3.4.5', 'http://u:p@x'
  ]],
  ['host', '[::1]', ['1.2.3.4.5', 'a b', 'http://x', 'x:80', 'ab:80', '::1%lo', 'fd00::x']],
  ['host', 'fd00:10::1', ['fd00:10']]
])('the format %s accepts %s, and only addresses that can be called', (format, good, bad) => {
  const Schema = Type.Object({ ADDRESS: Type.String({ format }) })
  expect(parseConfig(Schema, { ADDRESS: good })).toEqual({ ADDRESS: good })
  const message = `ADDRESS must match format "${format}"`
  for (const value of bad) expect(() => parseConfig(Schema, { ADDRESS: value }), value).toThrow(message)
})

test('parsing does not change the schema', () => {
  const before = JSON.stringify(Config)
  parseConfig(Config, { TARGET: 'x' })
  expect(JSON.stringify(Config)).toBe(before)
})

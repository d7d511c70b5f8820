import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { baseConfig, ConfigError, parseConfig } from '../src/config.ts'

const Config = Type.Object({ ...baseConfig, PORT: Type.Integer({ ...baseConfig.PORT, default: 3000 }), TARGET: Type.String() })

test('defaults are filled in, text becomes numbers and booleans, foreign variables stay outside', () => {
  const config = parseConfig(Type.Object({ ...Config.properties, FLAG: Type.Boolean() }), { TARGET: 'x', DRAIN_DELAY_MS: '5000', FLAG: 'true', PATH: '/bin' })
  expect(config).toMatchObject({ PORT: 3000, LOG_LEVEL: 'info', SERVICE_VERSION: 'v1', CHAOS_ACCESS: 'local', DRAIN_DELAY_MS: 5000, TARGET: 'x', FLAG: true })
  for (const name of ['PATH', 'HOST']) expect(config).not.toHaveProperty(name) // without HOST it is every address
})

test('an empty variable counts as unset', () => {
  expect(parseConfig(Config, { TARGET: 'x', PORT: '', CHAOS_SEED: '' })).toMatchObject({ PORT: 3000 })
})

test('every mistake is named at once, with the name, what is wanted and what is there', () => {
  const mistaken = () => parseConfig(Config, { PORT: 'tcp://10.0.0.1:80', CHAOS_ACCESS: 'everyone', DRAIN_DELAY_MS: '-1', SERVICE_VERSION: 'a b' })
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

test.each([['HOSTNAME', 'pöd'], ['SERVICE_VERSION', 'v1\nx: y']])('%s goes into a header, and must fit there', (name, value) => {
  expect(() => parseConfig(Config, { TARGET: 'x', [name]: value })).toThrow(name)
})

test.each([['http-url', 'http://users.example:8080/a?b=c', ['users', 'ftp://x', 'http://x:99999', 'http://1.2.3.4.5', 'http://u:p@x']], ['host', '[::1]', ['1.2.3.4.5', 'a b', 'http://x', 'x:80', 'ab:80', '::1%lo', 'fd00::x']], ['host', 'fd00:10::1', ['fd00:10']]])('the format %s takes what can be called, and no more', (format, good, bad) => {
  const Schema = Type.Object({ ADDRESS: Type.String({ format }) })
  expect(parseConfig(Schema, { ADDRESS: good })).toEqual({ ADDRESS: good })
  for (const value of bad) expect(() => parseConfig(Schema, { ADDRESS: value }), value).toThrow(`ADDRESS must match format "${format}"`)
})

test('the schema can be used again: parsing leaves it as it was', () => {
  const before = JSON.stringify(Config)
  parseConfig(Config, { TARGET: 'x' })
  expect(JSON.stringify(Config)).toBe(before)
})

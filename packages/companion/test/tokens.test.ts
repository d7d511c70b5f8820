import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'tokens-'))
const file = (name: string) => join(folder, name)
const text = (name: string) => readFileSync(file(name), 'utf8')
const tokens = (...args: string[]) => command('npm', ['run', '--silent', 'tokens', ...args])
const verify = (name: string) => {
  const keys = createLocalJWKSet({ keys: [{ kty: 'RSA', e: 'AQAB', n: text('modulus') }] })
  return jwtVerify(text(name), keys, { issuer: 'auth@istioinaction.io' })
}

beforeAll(async () => { expect(await tokens(folder)).toMatchObject({ code: 0, stderr: '' }) }, 180_000)
afterAll(() => rmSync(folder, { recursive: true }))

test.each(['user', 'admin'])('the token of the %s is signed, names the group, and lasts a day', async group => {
  const { payload } = await verify(`${group}.token`)
  expect(payload).toMatchObject({ group, sub: group })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(24 * 60 * 60)
})

test('the token of the stranger is signed with another key', async () => {
  await expect(verify('stranger.token')).rejects.toThrow('signature verification failed')
})

test('only the owner can read the tokens', () => {
  for (const name of ['user.token', 'admin.token', 'stranger.token']) {
    expect(statSync(file(name)).mode & 0o077).toBe(0)
  }
})

test('without a folder, the command prints its usage', async () => {
  expect(await tokens()).toMatchObject({ code: 2, stderr: 'usage: npm run tokens FOLDER\n' })
})

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command } from '../src/cluster/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'tokens-'))
const file = (name: string) => join(folder, name)
const text = (name: string) => readFileSync(file(name), 'utf8')
const verified = (name: string) => jwtVerify(text(name), createLocalJWKSet({ keys: [{ kty: 'RSA', e: 'AQAB', n: text('modulus') }] }), { issuer: 'auth@istioinaction.io' })

beforeAll(async () => { expect(await command('npm', ['run', '--silent', 'tokens', folder])).toMatchObject({ code: 0, stderr: '' }) }, 30_000)
afterAll(() => rmSync(folder, { recursive: true }))

test.each(['user', 'admin'])('the token of the %s is what the key has signed, and says the group', async group => {
  const { payload } = await verified(`${group}.token`)
  expect(payload).toMatchObject({ group, sub: group })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(24 * 60 * 60)
})

test('the one of the stranger is not', async () => {
  await expect(verified('stranger.token')).rejects.toThrow('signature verification failed')
})

test('nobody else can read the tokens', () => {
  for (const name of ['user.token', 'admin.token', 'stranger.token']) expect(statSync(file(name)).mode & 0o077).toBe(0)
})

test('without a folder it says how it is used', async () => {
  expect(await command('npm', ['run', '--silent', 'tokens'])).toMatchObject({ code: 2, stderr: 'usage: npm run tokens FOLDER\n' })
})

// npm run tokens FOLDER: makes a key pair, and tokens (JWTs) that are signed with it, for the exercises with end users. They are for that alone: whoever has the
// folder can pass for anybody of them. In FOLDER, then, are
//   modulus                   of the public key, as a JSON Web Key has it (n of an RSA key with the exponent AQAB, RFC 7518)
//   user.token, admin.token   of members of the groups user and admin
//   stranger.token            with the same claims as the user's, signed with another key
// All of them end after a day.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'

const ALGORITHM = 'RS256'
const ISSUER = 'auth@istioinaction.io'

const folder = process.argv[2]
if (folder === undefined || process.argv.length > 3) {
  console.error('usage: npm run tokens FOLDER')
  process.exit(2)
}
process.umask(0o077)
mkdirSync(folder, { recursive: true })

const ours = await generateKeyPair(ALGORITHM)
const strangers = await generateKeyPair(ALGORITHM)
const { n } = await exportJWK(ours.publicKey)

write('modulus', n as string, 'of the public key')
write('user.token', await token('user', ours.privateKey), 'a token of a user')
write('admin.token', await token('admin', ours.privateKey), 'a token of an admin')
write('stranger.token', await token('user', strangers.privateKey), 'a token that a stranger has signed')

/** A token of somebody in a group; whoever is in it goes by its name. */
function token (group: string, privateKey: CryptoKey): Promise<string> {
  return new SignJWT({ group })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setSubject(group)
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(privateKey)
}

function write (name: string, text: string, what: string): void {
  const file = join(folder as string, name)
  writeFileSync(file, text)
  console.log(`${file}: ${what}`)
}
